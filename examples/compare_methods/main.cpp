// SPDX-License-Identifier: BSD-3-Clause
// Which of five methods names the pixels that the network needs? By their curves of deletion and insertion.
#include <cstdio>

#include <lumen/lumen.hpp>

namespace lm = lumen;

//! [curves]
struct Curves {
  double deletion = 0, insertion = 0;  ///< areas; the lower, and the higher, the better the map
};

/// Petsiuk, Das and Saenko, BMVC 2018, arXiv:1806.07421, section 4: the area below the score while pixels are
/// replaced by those of `absent`, and while they are put back, the ones of the greatest value first.
template <class Net, lm::Target T>
Curves curves(const Net& net, const lm::Tensor& x, const lm::Tensor& absent, const lm::Tensor& map,
              const T& question) {
  constexpr int steps = 32;
  const auto values = lm::map::sum_channels(lm::map::view(map));
  lm::Tensors without, with;
  for (int i = 0; i <= steps; ++i) {
    const lm::Tensor top = lm::map::tensor(lm::map::top_fraction(values, double(i) / steps));
    without.push_back(at::where(top, absent, x));
    with.push_back(at::where(top, x, absent));
  }
  const auto area = [&](const lm::Tensor& inputs) {
    const at::NoGradGuard no_grad;
    return at::trapezoid(question(lm::forward(net, inputs)), 1.0 / steps).template item<double>();
  };
  return {area(at::cat(without)), area(at::cat(with))};
}
//! [curves]

int main() {
  // two classes; the second is there where two columns of the image are bright together
  const auto net = [](const at::Tensor& x) {
    const at::Tensor both = at::sigmoid(8 * x.narrow(3, 3, 2).mean({1, 2, 3}) - 4);
    return at::stack({at::zeros_like(both), 6 * both - 3}, 1);
  };
  const at::Tensor x = at::linspace(0.3, 1.0, 12).expand({1, 1, 12, 12}).flip(3).contiguous();
  const at::Tensor absent = at::zeros_like(x);
  const lm::target::Softmax question{lm::target::Class{.index = 1}};
  const auto judge = [&](const char* name, const auto& method) {
    const auto why = method(net, x, question);
    const Curves found = curves(net, x, absent, why.map, question);
    std::printf("%-20s deletion %.3f, insertion %.3f, Gini %.2f, %lld passes\n", name, found.deletion,
                found.insertion, lm::metric::Gini{}(lm::map::view(why.map)),
                static_cast<long long>(why.forward_passes + why.backward_passes));
    return found;
  };
  judge("Saliency", lm::Saliency{});
  judge("InputXGradient", lm::InputXGradient{});
  judge("Occlusion", lm::Occlusion{.window = {{3, 3}}, .stride = {{1, 1}}});
  judge("Rise", lm::Rise{.samples = 400, .grid = 4});
  const Curves path = judge("IntegratedGradients", lm::IntegratedGradients{.steps = 32});
  const Curves least = curves(net, x, absent, -x, question);  // the brightest pixels last
  return path.deletion < least.deletion && path.insertion > least.insertion ? 0 : 1;
}
