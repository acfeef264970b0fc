// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <concepts>
#include <cstdint>
#include <functional>
#include <tuple>
#include <vector>

#include <lumen/core/error.hpp>
#include <lumen/core/tensor.hpp>

namespace lumen {

/// What a CAM makes of a layer: its activation A and the score's gradient g there, both [N, C, ...], -> the map,
/// [N, 1, ...]. Any such functor may be given to GradientCam and GradientCams.
template <class C>
concept CamMap =
    std::copy_constructible<C> && requires(const C& cam, const Tensor& activation, const Tensor& gradient) {
      { cam(activation, gradient) } -> std::convertible_to<Tensor>;
    };

/// Any CAM map in one type, for lists of them.
using AnyCamMap = std::function<Tensor(const Tensor& activation, const Tensor& gradient)>;

/// The gradient CAMs. A_k is channel k, g_k = dF/dA_k, (i, j) a cell of the layer; a layer without rows and columns
/// is a single cell.
namespace cam {

namespace detail {

inline std::vector<std::int64_t> space(const Tensor& layer) {
  std::vector<std::int64_t> dims;
  for (std::int64_t d = 2; d < layer.dim(); ++d) dims.push_back(d);
  return dims;
}
/// Over the cells of each channel, [N, C, 1 ...].
inline Tensor cell_sum(const Tensor& layer) {
  return layer.dim() > 2 ? layer.sum(space(layer), true) : layer;
}
inline Tensor cell_mean(const Tensor& layer) {
  return layer.dim() > 2 ? layer.mean(space(layer), true) : layer;
}

/// a / b where b is not 0, else 0.
inline Tensor ratio(const Tensor& a, const Tensor& b) {
  const Tensor none = b == 0;
  return (a / b.masked_fill(none, 1)).masked_fill(none, 0);
}

/// The projection of every cell's channels on their first principal direction, [N, 1, ...]. Of its two signs, the
/// one with which it agrees with the sum over channels.
inline Tensor first_component(const Tensor& layer) {
  const Tensor cells = layer.reshape({layer.size(0), layer.size(1), -1}).transpose(1, 2);
  const Tensor wide = cells.to(at::kDouble);
  Tensor along;  // [N, cells], by the smaller of the two matrices that have the direction
  if (cells.size(1) < cells.size(2)) {
    const auto [values, vectors] = at::linalg_eigh(at::bmm(wide, wide.transpose(1, 2)));
    along = vectors.select(2, -1) * values.select(1, -1).clamp_min(0).sqrt().unsqueeze(1);
  } else {
    const auto [values, vectors] = at::linalg_eigh(at::bmm(wide.transpose(1, 2), wide));
    along = at::bmm(wide, vectors.narrow(2, -1, 1)).squeeze(2);
  }
  along = along.to(cells.scalar_type());
  const Tensor agrees = (along * cells.sum(2)).sum(1, true);
  std::vector<std::int64_t> shape = layer.sizes().vec();
  shape[1] = 1;
  return at::where(agrees < 0, -along, along).reshape(shape);
}

/// Grad-CAM++'s weights of the channels from g, g^2 and g^3.
inline Tensor plus_plus_weights(const Tensor& activation, const Tensor& g, const Tensor& g2,
                                const Tensor& g3) {
  const Tensor alpha = ratio(g2, 2 * g2 + cell_sum(activation) * g3);
  return cell_sum(alpha * g.clamp_min(0));
}

}  // namespace detail

/// Grad-CAM: Selvaraju et al., ICCV 2017, arXiv:1610.02391, equations 1 and 2 (whose ReLU is `positive_part`).
///
///     map = sum over k of mean(g_k) A_k
///
/// With a region as target it is Seg-Grad-CAM (Vinogradova et al., AAAI 2020, arXiv:2002.11434).
struct Grad {
  bool sum_channels = true;  ///< false keeps the channels apart: [N, C, ...]
  Tensor operator()(const Tensor& activation, const Tensor& gradient) const {
    const Tensor shares = detail::cell_mean(gradient) * activation;
    return sum_channels ? shares.sum(1, true) : shares;
  }
};

/// Grad-CAM++: Chattopadhay et al., WACV 2018, arXiv:1710.11063, equations 5, 6 and 19.
///
///     map = sum over k of w_k A_k,  w_k = sum over ij of alpha_k relu(g_k),
///     alpha_k = g_k^2 / (2 g_k^2 + (sum over cells of A_k) g_k^3), 0 where g_k is
///
/// The paper explains Y = exp(F), whose factor exp(F) > 0, the same for a whole map, is left out here. Its third
/// derivatives hold for piecewise linear networks.
struct PlusPlus {
  Tensor operator()(const Tensor& activation, const Tensor& gradient) const {
    const Tensor square = gradient.square();
    return (detail::plus_plus_weights(activation, gradient, square, square * gradient) * activation)
        .sum(1, true);
  }
};

/// XGrad-CAM: Fu et al., BMVC 2020, arXiv:2008.02312.
///
///     map = sum over k of w_k A_k,  w_k = (sum over ij of A_k g_k) / (sum over ij of A_k), 0 where A_k sums to 0
///
/// Sums to the sum of A g: the score, for a suffix of ReLU layers without biases. For layers after a rectifier: where
/// A_k has both signs its sum may be close to 0.
struct X {
  Tensor operator()(const Tensor& activation, const Tensor& gradient) const {
    const Tensor weights =
        detail::ratio(detail::cell_sum(activation * gradient), detail::cell_sum(activation));
    return (weights * activation).sum(1, true);
  }
};

/// HiResCAM: Draelos and Carin, 2020, arXiv:2011.08891; also known as element-wise Grad-CAM.
///
///     map = sum over k of g_k A_k
///
/// Where the rest of the model is linear it sums to the score less its biases.
struct HiRes {
  Tensor operator()(const Tensor& activation, const Tensor& gradient) const {
    return (gradient * activation).sum(1, true);
  }
};

/// LayerCAM: Jiang, Zhang, Hou, Cheng and Wei, IEEE TIP 2021, 10.1109/TIP.2021.3089943 (whose last
/// ReLU is `positive_part`).
///
///     map = sum over k of relu(g_k) A_k
struct Cellwise {
  Tensor operator()(const Tensor& activation, const Tensor& gradient) const {
    return (gradient.clamp_min(0) * activation).sum(1, true);
  }
};

/// Eigen-CAM: Muhammad and Yeasin, IJCNN 2020, arXiv:2008.00299.
///
///     map = O v,  O the cells' channels, one cell a row; v the first right singular vector of O
///
/// Asks nothing of the score. The channels are not centred, as in the paper. v has no sign of its own: the map's is
/// the one that agrees with the sum over channels, so that a rectified layer's map is not negative.
struct Eigen {
  Tensor operator()(const Tensor& activation, const Tensor&) const {
    return detail::first_component(activation);
  }
};

/// Eigen-Grad-CAM, the same of the products g_k A_k (J. Gildenblat, pytorch-grad-cam, 2021; no paper).
///
/// Its sign is the one that agrees with HiResCAM.
struct EigenGrad {
  Tensor operator()(const Tensor& activation, const Tensor& gradient) const {
    return detail::first_component(gradient * activation);
  }
};

}  // namespace cam

}  // namespace lumen
