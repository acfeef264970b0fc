// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <numbers>
#include <string>
#include <vector>

#include <lumen/core/error.hpp>
#include <lumen/core/tensor.hpp>
#include <lumen/data/random.hpp>
#include <lumen/data/sample.hpp>
#include <lumen/data/vessel_canvas.hpp>

namespace lumen::data {

/// Pictures of blood vessels as a fluorescence microscope shows them, with the exact answer: branching tubes
/// of varying calibre, one density, contrast, blur and noise an image, on an uneven background. The label is
/// what the tubes cover, the skeleton their centre lines, one pixel wide and inside the label. Image `i`
/// depends on (size, seed, i) alone.
struct SyntheticVessels {
  std::int64_t size = 128;  ///< side of the square image in pixels, >= 16
  std::uint64_t seed = 0;

  /// @return image [1, size, size]; named "synthetic-<index>"
  /// @throws Error  `size` is below 16
  [[nodiscard]] Sample operator()(std::uint64_t index) const {
    require(size >= 16,
            [&] { return text("SyntheticVessels: size must be at least 16 pixels, not ", size); });
    Random random({seed, index, static_cast<std::uint64_t>(size)});
    detail::VesselCanvas canvas(size, random);
    grow(canvas, random);
    std::vector<float> image = expose(canvas.light(), random);

    const auto copy = [&](const auto& values, at::ScalarType type) {
      Tensor picture = at::empty({size, size}, type);
      std::ranges::copy(
          values, static_cast<typename std::decay_t<decltype(values)>::value_type*>(picture.data_ptr()));
      return picture;
    };
    return {.image = copy(image, at::kFloat).unsqueeze(0),
            .label = copy(canvas.label(), at::kLong),
            .skeleton = copy(canvas.skeleton(), at::kByte).to(at::kBool),
            .name = "synthetic-" + std::to_string(index)};
  }

  /// Images first ... first + count - 1.
  [[nodiscard]] std::vector<Sample> many(std::uint64_t first, std::uint64_t count) const {
    std::vector<Sample> samples;
    for (std::uint64_t i = 0; i < count; ++i) samples.push_back((*this)(first + i));
    return samples;
  }

 private:
  void grow(detail::VesselCanvas& canvas, Random& random) const {
    const double extent = static_cast<double>(size);
    const double calibre = random.uniform(1.4, 3.0);
    const double density = random.uniform(0.1, 0.3);
    if (random.chance(0.15))  // one large vessel crosses the image
      canvas.grow(random.uniform(0.2, 0.8) * extent, -6.0, random.uniform(-0.6, 0.6),
                  random.uniform(5.0, 9.0), 1.0, 3);
    for (int tries = 0; tries < 400 && canvas.covered() < density; ++tries) {
      const double along = random.uniform(0.0, extent);
      const auto side = random.below(4);
      const double row = side == 0 ? 0.0 : side == 1 ? extent : along;
      const double column = side == 2 ? 0.0 : side == 3 ? extent : along;
      const double inward = std::atan2(0.5 * extent - row, 0.5 * extent - column) + random.uniform(-1.0, 1.0);
      canvas.grow(row, column, inward, calibre * random.uniform(0.7, 1.7), random.uniform(0.35, 1.0), 0);
    }
  }

  /// From the light that the tubes send to what the camera reads.
  [[nodiscard]] std::vector<float> expose(std::vector<float>& light, Random& random) const {
    const double background = 0.05 * std::exp(random.uniform(0.0, 1.1));
    const double gain = background * random.uniform(1.3, 4.0) + 0.03;
    const double shot = random.uniform(0.0005, 0.003);    // variance for each unit of light
    const double reading = random.uniform(0.004, 0.012);  // standard deviation
    detail::blur(light, size, random.uniform(0.7, 1.2));

    struct Wave {
      double rows, columns, phase, height;
    };
    std::array<Wave, 4> waves{};
    for (Wave& wave : waves)
      wave = {random.uniform(-1.5, 1.5), random.uniform(-1.5, 1.5),
              random.uniform(0.0, 2.0 * std::numbers::pi), random.uniform(0.02, 0.12)};

    std::vector<float> noise(light.size());
    for (float& value : noise) value = static_cast<float>(random.normal());
    std::vector<float> grain = noise;  // dye is not spread evenly along a vessel
    detail::blur(grain, size, 1.5);

    std::vector<float> image(light.size());
    for (std::size_t i = 0; i < light.size(); ++i) {
      const double row = static_cast<double>(i / static_cast<std::size_t>(size)) / static_cast<double>(size);
      const double column =
          static_cast<double>(i % static_cast<std::size_t>(size)) / static_cast<double>(size);
      double field = 1.0;
      for (const Wave& wave : waves)
        field += wave.height *
                 std::cos(2.0 * std::numbers::pi * (wave.rows * row + wave.columns * column) + wave.phase);
      const double dye = static_cast<double>(light[i]) * (1.0 + 0.9 * static_cast<double>(grain[i]));
      const double signal = std::max(0.0, background * field + gain * dye);
      const double sigma = std::sqrt(shot * signal + reading * reading);
      image[i] = static_cast<float>(std::clamp(signal + sigma * static_cast<double>(noise[i]), 0.0, 1.0));
    }
    return image;
  }
};

}  // namespace lumen::data
