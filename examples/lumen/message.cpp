// SPDX-License-Identifier: BSD-3-Clause
#include "message.hpp"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "words.hpp"

namespace cli {

namespace {

/// What the library says in C++, and what the command line says instead; the longer first.
constexpr std::array<std::pair<std::string_view, std::string_view>, 42> in_words{{
    {"{.output = {0}} or {.output = {\"out\"}}", "--part 0 or --part out"},
    {"load it with {.device = at::kCPU}", "load it with --device cpu"},
    {"move it with x.to(net.device()), or load the model with {.device = ...}", "give --device"},
    {"convert it with x.to(net.dtype()), or load the model with {.dtype = ...}", "give --dtype"},
    {"expected floating point: convert it, for instance x.to(at::kFloat) / 255",
     "which has no gradient: name a layer behind it with --layer, such as the embedding; `lumen inspect` "
     "lists them"},
    {"name an operator by layer::of, or by layer::nth counted from the start",
     "name an operator as relu:3, counted from the start"},
    {"read it with lumen::script, or save", "explain it with --model, or save"},
    {", or give its composite a rule for",
     "; or use a method without rules, such as integrated-gradients, or write the network without"},
    {"remove them (at::nan_to_num) before explaining it", "replace them in the file (numpy.nan_to_num)"},
    {"give its composite a rule for",
     "use a method without rules, such as integrated-gradients, or write the network without"},
    {"read each one and put their tensors into one StateDict",
     "save the tensors of all of them into one file, and name that"},
    {", or declare it passed through", ""},
    {"give run.memory a positive number of bytes", "give --memory a positive number of bytes"},
    {"target::Classes: index must be", "the classes must be"},
    {"; ids, which no conversion makes differentiable, are explained at the layer that embeds them, by "
     "AtLayer, or by methods without gradients as x.to(at::kFloat), given to a model that turns them back",
     ""},
    {"give threshold = 0.5, if these are logits threshold = 0",
     "write class-region:C@0.5, if these are logits class-region:C@0"},
    {"layout = layout::ChannelsLast{}", "--set layout=channels-last"},
    {"layout = layout::Tokens{}", "--set layout=tokens"},
    {"; of a sequence layout::ChannelsLast{}", "; of a sequence channels-last"},
    {"layout::ChannelsFirst{}", "channels-first"},
    {"for a model that gives logits use target::LogOdds", "of a network that gives logits write log-odds:"},
    {"perturb::Prediction", "prediction"},
    {"target::ClassRegion", "class-region"},
    {"target::Classes", "--target 1,0,1"},
    {"target::Class", "class"},
    {"target::Element", "element"},
    {"target::LogOdds", "log-odds"},
    {"target::Logit", "logit"},
    {"target::Softmax", "softmax"},
    {"target::Output", "output"},
    {"target::Pixel", "pixel"},
    {"target::Region", "region"},
    {"target::Slice", "slice"},
    {", Region or ClassRegion", ", region or class-region"},
    {", Pixel, Region or a functor", ", pixel or region"},
    {"Upsample::None", "--set upsample=none"},
    {"images_only = true", "another method"},
    {"with_baseline", "--baseline"},
    {"run.memory", "--memory"},
    {"lumen::io::read_tiff or lumen::io::read", "the name .tif"},
    {"lumen::io::read_npy or lumen::io::read", "the name .npy"},
    {"io::below(state, \"module\")", "the weights without the prefix"},
}};

}  // namespace

std::string first_line(const std::exception& error) {
  const auto* const torch = dynamic_cast<const c10::Error*>(&error);
  std::string line = torch != nullptr ? torch->what_without_backtrace() : error.what();
  // TorchScript's begin with the place where it happened
  constexpr std::string_view raised = "RuntimeError: ";
  const std::size_t at = line.rfind(raised);
  const bool own = dynamic_cast<const lm::Error*>(&error) != nullptr;
  if (at != std::string::npos && !own) line.erase(0, at + raised.size());
  line.erase(0, std::min(line.find_first_not_of("\r\n \t"), line.size()));
  if (own) {
    const std::size_t threshold = line.find("give threshold = 0.5, if");  // of features, or of a target
    if (line.find("perturb::Prediction") != std::string::npos && threshold != std::string::npos)
      line.replace(threshold, std::string::npos, "write prediction:0.5, if these are logits prediction:0");
    for (const auto& [said, words] : in_words) {
      for (std::size_t found = line.find(said); found != std::string::npos;
           found = line.find(said, found + words.size()))
        line.replace(found, said.size(), words);
    }
  }
  return line.substr(0, line.find_first_of("\r\n"));
}

}  // namespace cli
