// SPDX-License-Identifier: BSD-3-Clause
// Captum's own cases of guided backpropagation and the deconvolutional network, run by lumen.
#include <lumen/attribution/relevance/deconvnet.hpp>
#include <lumen/attribution/relevance/guided_backprop.hpp>

#include <doctest/doctest.h>

#include "support/golden_question.hpp"

namespace golden = lumen::testing::golden;

DOCTEST_TEST_CASE("Captum's cases of guided backpropagation and Deconvolution") {
  golden::check_family(
      {"GuidedBackprop", "Deconvolution"},
      [](const golden::Case& one, const golden::File& file) {
        golden::Options options(one.params), ctor(one.ctor);
        options.done();
        ctor.done();
        return golden::result_of(
            one, golden::ask(one, file.model(one.model)),
            [&](const golden::Question& question, const auto& x, const auto&) {
              return one.name() == "GuidedBackprop"
                         ? golden::answer(lumen::GuidedBackprop{}(question, x, question.target))
                         : golden::answer(lumen::Deconvnet{}(question, x, question.target));
            });
      },
      [](const golden::Case&) { return false; });
}
