// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <bit>
#include <charconv>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <lumen/core/error.hpp>
#include <lumen/io/raster.hpp>

namespace lumen::io {

/// What the header of a .npy file says, checked against the size of the file.
struct NpyHeader {
  Sample sample = Sample::F32;
  bool swapped = false;               ///< the elements are in the other byte order than this machine's
  bool fortran = false;               ///< the first axis runs fastest
  std::vector<std::int64_t> shape{};  ///< 0 to 32 axes; none is a single number
  std::size_t offset = 0;             ///< where the elements start
  std::size_t count = 1;              ///< elements, the product of `shape`
};

namespace npy_detail {

/// Reads the header's Python dictionary, `{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }`, and
/// nothing else that Python could mean.
class Dictionary {
 public:
  explicit Dictionary(std::string_view text) : rest_(text) {}

  void read(NpyHeader& header) {
    std::optional<std::string_view> descr;
    bool order = false, shape = false;
    expect('{');
    while (!accept('}')) {
      const std::string_view key = quoted();
      expect(':');
      if (key == "descr" && !descr) {
        descr = quoted();
      } else if (key == "fortran_order" && !order) {
        header.fortran = boolean(), order = true;
      } else if (key == "shape" && !shape) {
        header.shape = tuple(), shape = true;
      } else {
        fail("one each of the keys descr, fortran_order and shape");
      }
      if (!accept(',')) {
        expect('}');
        break;
      }
    }
    skip();
    if (!rest_.empty()) fail("nothing after the closing brace");
    if (!descr || !order || !shape) fail("the keys descr, fortran_order and shape");
    element(*descr, header);
  }

 private:
  [[noreturn]] static void fail(std::string_view expected) {
    throw Error(text("damaged or unsupported npy header: expected ", expected,
                     "; save the array again with numpy.save"));
  }
  void skip() {
    while (!rest_.empty() && (rest_.front() == ' ' || rest_.front() == '\n')) rest_.remove_prefix(1);
  }
  bool accept(char c) {
    skip();
    if (rest_.empty() || rest_.front() != c) return false;
    rest_.remove_prefix(1);
    return true;
  }
  void expect(char c) {
    if (!accept(c)) fail(std::string("'") + c + "'");
  }
  std::string_view quoted() {
    skip();
    const char quote = rest_.empty() ? '\0' : rest_.front();
    if (quote != '\'' && quote != '"') fail("a plain string (structured arrays are not supported)");
    rest_.remove_prefix(1);
    const std::size_t end = rest_.find(quote);
    if (end == std::string_view::npos) fail("a closing quote");
    const std::string_view inside = rest_.substr(0, end);
    rest_.remove_prefix(end + 1);
    return inside;
  }
  bool boolean() {
    skip();
    for (const std::string_view word : {"True", "False"})
      if (rest_.starts_with(word)) return rest_.remove_prefix(word.size()), word == "True";
    fail("True or False");
  }
  std::vector<std::int64_t> tuple() {
    std::vector<std::int64_t> sides;
    expect('(');
    while (!accept(')')) {
      skip();
      std::int64_t side = -1;
      const auto [end, error] = std::from_chars(rest_.data(), rest_.data() + rest_.size(), side);
      if (error != std::errc{} || side < 0) fail("sides that are whole numbers from 0 to 2^63 - 1");
      rest_.remove_prefix(static_cast<std::size_t>(end - rest_.data()));
      if (sides.size() == 32) fail("at most 32 axes");
      sides.push_back(side);
      if (!accept(',')) {
        expect(')');
        break;
      }
    }
    return sides;
  }
  static void element(std::string_view descr, NpyHeader& header) {
    static constexpr std::string_view codes[] = {"b1", "u1", "u2", "u4", "i1", "i2",
                                                 "i4", "i8", "f2", "f4", "f8"};
    const char order = descr.empty() ? '\0' : descr.front();
    if (order != '<' && order != '>' && order != '|' && order != '=') fail("a byte order, one of < > | =");
    for (std::size_t i = 0; i < std::size(codes); ++i)
      if (descr.substr(1) == codes[i]) {
        header.sample = static_cast<Sample>(i);
        const char native = std::endian::native == std::endian::little ? '<' : '>';
        header.swapped = bytes_of(header.sample) > 1 && order != native && order != '=';
        if (order == '|' && bytes_of(header.sample) > 1)
          fail("a byte order, < or >, for elements above one byte");
        return;
      }
    throw Error(text("npy elements of type '", descr.substr(0, 16),
                     "' are not supported: convert the array with ",
                     "numpy's astype to bool, int8...int64, uint8...uint32 or float16...float64"));
  }

  std::string_view rest_;
};

}  // namespace npy_detail

/// Reads the header of a .npy file (format versions 1 to 3) that lies in memory, and checks it against the
/// size: the elements must fill the rest exactly. A reader of our own, since xtensor's trusts the file's
/// header. Format: numpy.lib.format, NEP 1.
/// @throws Error when anything is not as the format says; nothing was allocated by then but the shape
[[nodiscard]] inline NpyHeader parse_npy(std::span<const std::uint8_t> file) {
  require(file.size() >= 10 && std::memcmp(file.data(), "\x93NUMPY", 6) == 0,
          "not an npy file (it does not start with \\x93NUMPY); save the array with numpy.save");
  const int version = file[6];
  require(version >= 1 && version <= 3 && file[7] == 0, [&] {
    return text("npy format version ", version, ".", int{file[7]}, " is unknown; expected 1.0, 2.0 or 3.0");
  });
  const std::size_t start = version == 1 ? 10 : 12;
  std::size_t length = file[8] + (std::size_t{file[9]} << 8);
  if (version > 1 && file.size() >= 12)
    length += (std::size_t{file[10]} << 16) + (std::size_t{file[11]} << 24);
  require(file.size() >= start && length <= file.size() - start, [&] {
    return text("truncated npy: its header takes ", length, " bytes, but the file has ", file.size());
  });

  NpyHeader header;
  npy_detail::Dictionary({reinterpret_cast<const char*>(file.data()) + start, length}).read(header);
  header.offset = start + length;
  bool empty = false;
  for (const std::int64_t side : header.shape) empty = empty || side == 0;
  // An array without elements has strides all the same, so the other sides are bounded there, too.
  const std::size_t room =
      empty ? std::size_t{1} << 40 : (file.size() - header.offset) / bytes_of(header.sample);
  for (const std::int64_t side : header.shape) {
    if (side == 0) continue;
    require(static_cast<std::uint64_t>(side) <= room / header.count, [&] {
      return text("truncated npy: its shape needs more than the ", room, " ", name_of(header.sample),
                  " elements that the file has; save it again");
    });
    header.count *= static_cast<std::size_t>(side);
  }
  if (empty) header.count = 0;
  const std::size_t needed = header.count * bytes_of(header.sample);
  require(needed == file.size() - header.offset, [&] {
    return text(needed > file.size() - header.offset ? "truncated npy" : "npy with bytes after its end", ": ",
                needed, " bytes of elements announced, ", file.size() - header.offset,
                " there; save it again");
  });
  return header;
}

/// The elements in C order and this machine's byte order.
/// @throws Error when a bool element is neither 0 nor 1
[[nodiscard]] inline std::vector<std::uint8_t> npy_elements(std::span<const std::uint8_t> file,
                                                            const NpyHeader& header) {
  const std::size_t size = bytes_of(header.sample), axes = header.shape.size();
  std::vector<std::uint8_t> out(header.count * size);
  std::vector<std::size_t> stride(axes, 1), index(axes, 0);
  if (header.fortran)
    for (std::size_t a = 1; a < axes; ++a)
      stride[a] = stride[a - 1] * static_cast<std::size_t>(header.shape[a - 1]);
  std::size_t from = 0;
  for (std::size_t i = 0; i < header.count; ++i) {
    const std::uint8_t* element = file.data() + header.offset + (header.fortran ? from : i) * size;
    for (std::size_t b = 0; b < size; ++b) out[i * size + b] = element[header.swapped ? size - 1 - b : b];
    if (header.sample == Sample::Bool)
      require(*element <= 1, "damaged npy: an element of a bool array is neither 0 nor 1");
    if (!header.fortran) continue;
    for (std::size_t a = axes; a-- > 0;) {
      from += stride[a];
      if (++index[a] < static_cast<std::size_t>(header.shape[a])) break;
      from -= stride[a] * index[a];
      index[a] = 0;
    }
  }
  return out;
}

}  // namespace lumen::io
