// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include <lumen/core/error.hpp>
#include <lumen/core/tensor.hpp>

namespace explorer {

using Json = nlohmann::json;

/// An answer with arrays: "LMF1", the header's length (32 bits, little endian), the header (JSON, padded with spaces to
/// a multiple of four bytes), then the arrays as the header's "arrays" says, each at a multiple of four bytes behind
/// the header. NaN in a header becomes null.
class Frame {
 public:
  Json header = Json::object();

  /// float32, uint8 or int32, as the tensor has it; others become float32.
  Frame& array(const std::string& name, const at::Tensor& values) {
    const bool kept = values.scalar_type() == at::kByte || values.scalar_type() == at::kInt;
    const at::Tensor bytes = (kept ? values : values.to(at::kFloat)).detach().cpu().contiguous();
    const char* type = bytes.scalar_type() == at::kByte  ? "uint8"
                       : bytes.scalar_type() == at::kInt ? "int32"
                                                         : "float32";
    header["arrays"][name] = {{"dtype", type}, {"shape", bytes.sizes().vec()}, {"offset", payload_.size()}};
    payload_.append(static_cast<const char*>(bytes.data_ptr()), bytes.nbytes());
    payload_.resize((payload_.size() + 3) / 4 * 4);
    return *this;
  }

  [[nodiscard]] std::string bytes() const {
    std::string text = header.dump(-1, ' ', false, Json::error_handler_t::replace);
    text.resize((text.size() + 3) / 4 * 4, ' ');
    std::string all = "LMF1";
    for (int shift = 0; shift < 32; shift += 8) all += static_cast<char>((text.size() >> shift) & 0xFF);
    return all + text + payload_;
  }

 private:
  std::string payload_;
};

}  // namespace explorer
