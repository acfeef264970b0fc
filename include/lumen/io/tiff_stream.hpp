// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <algorithm>
#include <cstdarg>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <tiffio.h>

#include <lumen/core/error.hpp>
#include <lumen/io/raster.hpp>

namespace lumen::io::tiff_detail {

/// A TIFF in memory, read from `in` or written to `out`, with what libtiff complained about last: nothing
/// goes to stderr.
class Stream {
 public:
  explicit Stream(std::span<const std::uint8_t> in) : in_(in) { open("r"); }
  explicit Stream(std::vector<std::uint8_t>& out) : out_(&out) { open("w"); }
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;
  ~Stream() { close(); }

  [[nodiscard]] TIFF* get() const { return tiff_; }

  /// What libtiff said last, in parentheses; empty when it said nothing.
  [[nodiscard]] std::string why() const { return message_.empty() ? "" : " (libtiff: " + message_ + ")"; }

  /// Whether the file says that its last channel is one of opacity.
  [[nodiscard]] bool last_is_alpha() const {
    std::uint16_t count = 0;
    std::uint16_t* kinds = nullptr;
    if (TIFFGetField(tiff_, TIFFTAG_EXTRASAMPLES, &count, &kinds) == 0 || count == 0 || kinds == nullptr)
      return false;
    return kinds[count - 1] == EXTRASAMPLE_ASSOCALPHA || kinds[count - 1] == EXTRASAMPLE_UNASSALPHA;
  }

  /// A field that has a default in the format.
  template <class T>
  [[nodiscard]] T field(std::uint32_t tag) const {
    T value{};
    TIFFGetFieldDefaulted(tiff_, tag, &value);
    return value;
  }

  void close() {
    if (tiff_ != nullptr) TIFFClose(std::exchange(tiff_, nullptr));
  }

 private:
  [[nodiscard]] std::span<const std::uint8_t> whole() const {
    return out_ != nullptr ? std::span<const std::uint8_t>(*out_) : in_;
  }
  static Stream& self(thandle_t handle) { return *static_cast<Stream*>(handle); }

  static tmsize_t read(thandle_t handle, void* to, tmsize_t size) {
    Stream& s = self(handle);
    const auto all = s.whole();
    const std::size_t from = std::min(s.at_, all.size());
    const std::size_t count =
        std::min(static_cast<std::size_t>(std::max<tmsize_t>(size, 0)), all.size() - from);
    if (count > 0) std::memcpy(to, all.data() + from, count);
    s.at_ = from + count;
    return static_cast<tmsize_t>(count);
  }
  static tmsize_t write(thandle_t handle, void* from, tmsize_t size) {
    Stream& s = self(handle);
    if (s.out_ == nullptr || size < 0) return 0;
    const auto count = static_cast<std::size_t>(size);
    if (s.at_ + count > s.out_->size()) s.out_->resize(s.at_ + count);
    if (count > 0) std::memcpy(s.out_->data() + s.at_, from, count);
    s.at_ += count;
    return size;
  }
  static toff_t seek(thandle_t handle, toff_t offset, int whence) {
    Stream& s = self(handle);
    const std::size_t base = whence == SEEK_CUR ? s.at_ : whence == SEEK_END ? s.whole().size() : 0;
    s.at_ = base + static_cast<std::size_t>(offset);
    return static_cast<toff_t>(s.at_);
  }
  static int done(thandle_t) { return 0; }
  static toff_t size(thandle_t handle) { return static_cast<toff_t>(self(handle).whole().size()); }
  static int map(thandle_t, void**, toff_t*) { return 0; }
  static void unmap(thandle_t, void*, toff_t) {}

  static void note(std::string& message, const char* format, va_list arguments) {
    char line[256];
    std::vsnprintf(line, sizeof(line), format, arguments);
    message = line;
  }

#if TIFFLIB_VERSION >= 20221213  // 4.5.0: handlers and limits of one file
  static int complain(TIFF*, void* stream, const char*, const char* format, va_list arguments) {
    note(static_cast<Stream*>(stream)->message_, format, arguments);
    return 1;
  }
  static int ignore(TIFF*, void*, const char*, const char*, va_list) { return 1; }

  void open(const char* mode) {
    const std::unique_ptr<TIFFOpenOptions, decltype(&TIFFOpenOptionsFree)> options(TIFFOpenOptionsAlloc(),
                                                                                   &TIFFOpenOptionsFree);
    require(options != nullptr, "out of memory while opening a TIFF");
    TIFFOpenOptionsSetErrorHandlerExtR(options.get(), &complain, this);
    TIFFOpenOptionsSetWarningHandlerExtR(options.get(), &ignore, this);
    TIFFOpenOptionsSetMaxSingleMemAlloc(options.get(), static_cast<tmsize_t>(max_decoded_bytes));
    tiff_ = TIFFClientOpenExt("TIFF", mode, this, read, write, seek, done, size, map, unmap, options.get());
  }
#else  // before 4.5.0 the handlers are the process's: silenced while this file is open, one file at a time
  struct Quiet {
    static std::mutex& gate() {
      static std::mutex mutex;
      return mutex;
    }
    static std::string*& target() {
      static std::string* message = nullptr;
      return message;
    }
    static void complain(const char*, const char* format, va_list arguments) {
      note(*target(), format, arguments);
    }
    explicit Quiet(std::string& message) : lock(gate()) {
      target() = &message;
      error = TIFFSetErrorHandler(&complain);
      warning = TIFFSetWarningHandler(nullptr);
    }
    Quiet(const Quiet&) = delete;
    Quiet& operator=(const Quiet&) = delete;
    ~Quiet() {
      TIFFSetErrorHandler(error);
      TIFFSetWarningHandler(warning);
    }
    std::unique_lock<std::mutex> lock;
    TIFFErrorHandler error, warning;
  };
  void open(const char* mode) {
    tiff_ = TIFFClientOpen("TIFF", mode, this, read, write, seek, done, size, map, unmap);
  }
#endif

  std::span<const std::uint8_t> in_{};
  std::vector<std::uint8_t>* out_ = nullptr;
  std::size_t at_ = 0;
  std::string message_{};
#if TIFFLIB_VERSION < 20221213
  Quiet quiet_{message_};
#endif
  TIFF* tiff_ = nullptr;
};

}  // namespace lumen::io::tiff_detail
