#include "addon/table.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>

namespace distill {

namespace {

// More digits than these lie below what fp32 holds, and below what 64 bits hold.
constexpr int kMostDigits = 18;

constexpr int kPowers = 23;

// Powers of ten that fp64 holds exactly.
constexpr std::array<double, kPowers> powers_of_ten() {
  std::array<double, kPowers> powers{1};
  for (int i = 1; i < kPowers; i++) powers[i] = powers[i - 1] * 10;
  return powers;
}
constexpr auto kTen = powers_of_ten();

double scaled(double mantissa, int power) {
  if (std::abs(power) >= kPowers) return mantissa * std::pow(10.0, power);
  return power < 0 ? mantissa / kTen[-power] : mantissa * kTen[power];
}

bool is_digit(char byte) { return byte >= '0' && byte <= '9'; }

// Text that is read from its front.
struct Reader {
  const char *at, *end;

  bool take(char byte) {
    if (at == end || *at != byte) return false;
    at++;
    return true;
  }

  bool take_nan() {
    if (end - at < 3 || std::memcmp(at, "NaN", 3) != 0) return false;
    at += 3;
    return true;
  }
};

// The digits of a number without its point and exponent: those that count, and by which power of ten they are scaled.
struct Digits {
  uint64_t mantissa = 0;
  int kept = 0, power = 0;
  bool any = false;
};

void take_digits(Reader &text, Digits &digits, bool after_point) {
  for (; text.at != text.end && is_digit(*text.at); text.at++) {
    digits.any = true;
    if (digits.kept < kMostDigits) {
      digits.mantissa = digits.mantissa * 10 + static_cast<uint64_t>(*text.at - '0');
      if (digits.mantissa > 0) digits.kept++;
      digits.power -= after_point;
    } else {
      digits.power += !after_point;
    }
  }
}

// The power after "e". Far below and above what fp64 holds, any does.
bool take_exponent(Reader &text, int &power) {
  if (!text.take('e')) return true;
  const bool negative = text.take('-');
  if (!negative) text.take('+');
  int exponent = 0;
  bool any = false;
  for (; text.at != text.end && is_digit(*text.at); text.at++, any = true) exponent = std::min(9999, exponent * 10 + (*text.at - '0'));
  power += negative ? -exponent : exponent;
  return any;
}

bool take_number(Reader &text, float &number) {
  if (text.take_nan()) {
    number = std::numeric_limits<float>::quiet_NaN();
    return true;
  }
  const bool negative = text.take('-');
  Digits digits;
  take_digits(text, digits, false);
  if (text.take('.')) take_digits(text, digits, true);
  if (!digits.any || !take_exponent(text, digits.power)) return false;
  const double size = scaled(static_cast<double>(digits.mantissa), digits.power);
  number = static_cast<float>(negative ? -size : size);
  return true;
}

}  // namespace

size_t lines_of(TableText table) { return static_cast<size_t>(std::count(table.bytes, table.bytes + table.length, '\n')); }

bool read_table(TableText table, size_t rows, const std::vector<float *> &columns) {
  Reader text{table.bytes, table.bytes + table.length};
  for (size_t row = 0; text.at != text.end; row++) {
    if (row == rows) return false;
    for (size_t column = 0; column < columns.size(); column++) {
      if (!take_number(text, columns[column][row])) return false;
      if (!text.take(column + 1 == columns.size() ? '\n' : ',')) return false;
    }
  }
  return true;
}

}  // namespace distill
