// Plays the calls of a script on one device, where all of its tensors live.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "addon/content.h"
#include "testing/driver/calls.h"

namespace distill::driver {

// How the calls between begin_recording and end_recording are handled: the device records them, or they are kept and made one by one at
// each replay, which every device can do.
enum class Replay { recorded, call_by_call };

class Player {
 public:
  Player(Device &device, Replay replay);
  // A device that is still recording, as after an error, could do nothing else.
  ~Player();
  Player(const Player &) = delete;

  void play(const CallLine &line);
  void play(const std::vector<CallLine> &lines) {
    for (const CallLine &line : lines) play(line);
  }

  // What was read.
  struct Content {
    std::string name;
    std::vector<float> values;
    double tolerance;
    size_t count;
  };
  const std::vector<Content> &contents() const { return contents_; }
  int64_t peak_bytes() { return tensors_.pool().peak(); }

 private:
  using Words = std::vector<std::string>;

  void alloc(const Words &words);
  void view(const Words &words);
  void add(const std::string &word, int64_t handle);
  void release(const Words &words);
  int64_t handle_of(int64_t number) const;
  const Tensor &tensor(const std::string &word) const { return *tensors_.find(handle_of(tensor_number(word))); }
  Device &device() const { return tensors_.device(); }

  void write_values(const Words &words);
  void write_numbers(const Words &words);
  void store(const Tensor &to, const std::vector<float> &values);
  void read(const Words &words);
  void read_later(const Words &words);
  void take_read(const Words &words);
  void add_content(const std::string &name, DType dtype, int64_t size, const std::vector<uint8_t> &bytes);
  void compare(const Words &words);

  void make(const CallLine &line);
  Value with_handles(const CallLine::Given &given) const;
  void begin(const Words &words);
  void end(const Words &words);
  void replay(const Words &words);
  void release_recording(const Words &words) { recordings_.erase(words[0]), kept_recordings_.erase(words[0]); }

  struct Pending {
    DType dtype;
    int64_t size;
    std::unique_ptr<PendingRead> read;
  };

  const bool records_;
  TensorTable tensors_;
  std::map<int64_t, int64_t> handles_;  // of the tensors that the script numbers
  std::map<std::string, Pending> reads_;
  std::vector<Content> contents_;
  double tolerance_ = -1;  // below zero: nothing is compared
  size_t compared_ = 0;

  std::map<std::string, TensorRecording> recordings_;
  // If the device does not record: the calls of each recording, and the tensors that they use.
  std::map<std::string, std::vector<const CallLine *>> kept_recordings_;
  std::vector<const CallLine *> kept_;
  std::set<int64_t> kept_tensors_;
  bool keeping_ = false;
};

}  // namespace distill::driver
