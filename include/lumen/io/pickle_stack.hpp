// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

#include <lumen/core/error.hpp>
#include <lumen/io/pickle_node.hpp>

namespace lumen::io {

/// The most values, and the most tensors, of one pickle: far above any network, and few enough that no file
/// takes more than some 200 MB to understand.
inline constexpr std::size_t max_pickle_nodes = std::size_t{1} << 20;
inline constexpr std::size_t max_pickle_tensors = std::size_t{1} << 17;

namespace pickle_detail {

[[noreturn]] inline void fail(std::string_view what) {
  throw Error(text("damaged or unsupported pickle: ", what, "; save the file again with torch.save"));
}

/// The state of a pickle that is being read: its values, the stack of them, the marks and the memo.
class Stack {
 public:
  std::uint32_t push(PickleNode node) {
    require(made_.nodes.size() < max_pickle_nodes, "the pickle has over 2^20 values; it is no state dict");
    made_.nodes.push_back(std::move(node));
    stack_.push_back(static_cast<std::uint32_t>(made_.nodes.size() - 1));
    return stack_.back();
  }
  void push_again(std::uint32_t index) {
    // Each is one opcode without a value of its own, so they are counted here.
    require(++again_ <= 8 * max_pickle_nodes, "the pickle repeats its values too often; it is no state dict");
    stack_.push_back(index);
  }
  std::uint32_t top() const {
    if (stack_.size() <= floor()) fail("a value is missing");
    return stack_.back();
  }
  std::uint32_t pop() {
    const std::uint32_t index = top();
    stack_.pop_back();
    return index;
  }
  std::vector<std::uint32_t> pop_last(std::size_t count) {
    if (stack_.size() - floor() < count) fail("a value is missing");
    std::vector<std::uint32_t> items(stack_.end() - static_cast<std::ptrdiff_t>(count), stack_.end());
    stack_.resize(stack_.size() - count);
    return items;
  }
  std::vector<std::uint32_t> pop_to_mark() {
    if (marks_.empty()) fail("a mark is missing");
    std::vector<std::uint32_t> items = pop_last(stack_.size() - marks_.back());
    marks_.pop_back();
    return items;
  }
  PickleNode& node(std::uint32_t index) { return made_.nodes[index]; }
  PickleNode& expect(std::uint32_t index, PickleKind kind, std::string_view what) {
    if (node(index).kind != kind) fail(what);
    return node(index);
  }
  /// Puts `items`, popped already, into the list or dictionary that is now at the top.
  void append(const std::vector<std::uint32_t>& items, PickleKind kind) {
    if (node(top()).kind == PickleKind::Foreign) return;
    PickleNode& into = expect(top(), kind, "a value is put into what is no list or dictionary");
    if (kind == PickleKind::Dictionary && items.size() % 2 != 0) fail("a key has no value");
    into.items.insert(into.items.end(), items.begin(), items.end());
  }

  void remember(std::uint64_t place) {
    if (place > memo_.size()) fail("a memo is out of order");
    if (place == memo_.size()) memo_.push_back(0);
    memo_[static_cast<std::size_t>(place)] = top();
    if (memo_.size() > max_pickle_nodes) fail("it remembers over 2^20 values");
  }
  void remember_next() { remember(memo_.size()); }
  void recall(std::uint64_t place) {
    if (place >= memo_.size()) fail("a memo is missing");
    push_again(memo_[static_cast<std::size_t>(place)]);
  }
  void mark() {
    if (marks_.size() == 1024) fail("it is nested over 1024 deep");
    marks_.push_back(stack_.size());
  }
  Pickle& made() { return made_; }
  Pickle finish() {
    if (stack_.size() != 1 || !marks_.empty()) fail("it does not end with one value");
    made_.root = stack_[0];
    return std::move(made_);
  }

 private:
  [[nodiscard]] std::size_t floor() const { return marks_.empty() ? 0 : marks_.back(); }

  std::vector<std::uint32_t> stack_, memo_;
  std::vector<std::size_t> marks_;
  std::size_t again_ = 0;
  Pickle made_;
};

}  // namespace pickle_detail
}  // namespace lumen::io
