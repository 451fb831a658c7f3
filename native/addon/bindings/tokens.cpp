#include "addon/bindings/read.h"

namespace distill {

namespace {

// The count of T*T scores of a head must fit in 64 bits.
void check_tokens(const Arguments &a) {
  constexpr int64_t kMost = int64_t{1} << 30;
  if (a['T'] > kMost) a.wrong_range("qkv", "at most " + std::to_string(kMost) + " tokens", std::to_string(a['T']));
}

void check_queries(const Arguments &a) {
  if (a['Q'] > a['T']) a.wrong_range("y", "at most as many tokens as qkv has, " + std::to_string(a['T']), std::to_string(a['Q']));
}

// Binds the number of tokens, L, and returns the first of them.
int64_t read_slice(Arguments &a) {
  const int64_t begin = a.integer("begin", 0, a['T'] - 1);
  a.bind('L', a.integer("end", begin + 1, a['T']) - begin);
  return begin;
}

}  // namespace

void read(Arguments &a, AttentionForward &op) {
  a.bind('A', a.integer("heads", 1, kMaxInt32));
  op.qkv = a.floats("qkv", "N T 3AE");
  check_tokens(a);
  op.y = a.floats_out("y", "N Q AE");
  check_queries(a);
  a.stored_like("qkv", {"y"});
  op.logsumexp = a.tensor<float>("logsumexp", "N A Q");
  op.N = a['N'], op.T = a['T'], op.Q = a['Q'], op.A = a['A'], op.E = a['E'];
}

void read(Arguments &a, AttentionBackward &op) {
  a.bind('A', a.integer("heads", 1, kMaxInt32));
  op.qkv = a.floats("qkv", "N T 3AE");
  check_tokens(a);
  op.y = a.floats("y", "N Q AE");
  check_queries(a);
  op.dy = a.floats("dy", "N Q AE");
  op.logsumexp = a.tensor<const float>("logsumexp", "N A Q");
  op.dqkv = a.floats_out("dqkv", "N T 3AE");
  a.stored_like("qkv", {"y", "dy", "dqkv"});
  op.N = a['N'], op.T = a['T'], op.Q = a['Q'], op.A = a['A'], op.E = a['E'];
}

// Binds T, the number of tokens, which is one more than the patches, L.
void read(Arguments &a, EmbedTokensForward &op) {
  op.patches = a.floats("patches", "N L D");
  a.bind('T', a['L'] + 1);
  op.class_token = a.tensor<const float>("classToken", "1.. D");
  op.position = a.tensor<const float>("position", "T.. D");
  op.y = a.tensor<float>("y", "N T D");
  op.N = a['N'], op.T = a['T'], op.D = a['D'];
}

void read(Arguments &a, EmbedTokensBackward &op) {
  op.dpatches = a.floats_out("dpatches", "N L D");
  a.bind('T', a['L'] + 1);
  op.dy = a.tensor<const float>("dy", "N T D");
  op.dclass_token = a.tensor<float>("dclassToken", "1.. D");
  op.dposition = a.tensor<float>("dposition", "T.. D");
  op.N = a['N'], op.T = a['T'], op.D = a['D'];
}

void read(Arguments &a, SelectTokenForward &op) {
  op.x = a.floats("x", "N T D");
  op.y = a.floats_out("y", "N D");
  a.stored_like("x", {"y"});
  op.index = a.integer("index", 0, a['T'] - 1);
  op.N = a['N'], op.T = a['T'], op.D = a['D'];
}

void read(Arguments &a, SelectTokenBackward &op) {
  op.dx = a.floats_out("dx", "N T D");
  op.dy = a.floats("dy", "N D");
  a.stored_like("dy", {"dx"});
  op.index = a.integer("index", 0, a['T'] - 1);
  op.N = a['N'], op.T = a['T'], op.D = a['D'];
}

void read(Arguments &a, SliceTokensForward &op) {
  op.x = a.floats("x", "N T D");
  op.begin = read_slice(a);
  op.y = a.floats_out("y", "N L D");
  a.stored_like("x", {"y"});
  op.N = a['N'], op.T = a['T'], op.D = a['D'], op.L = a['L'];
}

void read(Arguments &a, SliceTokensBackward &op) {
  op.dx = a.floats_out("dx", "N T D");
  op.begin = read_slice(a);
  op.dy = a.floats("dy", "N L D");
  a.stored_like("dy", {"dx"});
  op.N = a['N'], op.T = a['T'], op.D = a['D'], op.L = a['L'];
}

}  // namespace distill
