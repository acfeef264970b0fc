// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <string>

#include <lumen/target/any.hpp>

#include "words.hpp"

namespace cli {

/// A question in words. @throws Error that lists the forms, for anything else
///
///     3, class:3             a class, of an output [N, C]
///     output                 the only value a sample
///     element:1,2,3          one element of an output of any rank
///     slice:0-4,2,*          the sum over a box of it, ends excluded
///     pixel:C,ROW,COLUMN     of a dense output [N, C, H, W]
///     region:C[,FILE]        a channel's sum over the pixels of a mask, or over all of them
///     class-region:C[,P]     its sum over the pixels that are predicted as class C, or P
///     margin:A,B             class A less class B; margin:TARGET~TARGET for others
///     softmax:TARGET         of the probabilities, of a network that gives logits
///     log-odds:TARGET        of their log-odds; logit:TARGET of a network that gives probabilities already
///
/// The regions take ,mean at their end for the mean in place of the sum.
[[nodiscard]] lm::AnyTarget to_target(const std::string& words);

/// @throws Error if the question makes probabilities of an output that holds them already
void check_scale(const std::string& words, bool probabilities);

/// What `predicted`, the default, is for this output of one sample: its most likely class, or its only value.
/// @throws Error for a dense output
[[nodiscard]] std::string predicted_target(const Tensor& output);

}  // namespace cli
