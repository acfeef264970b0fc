// SPDX-License-Identifier: BSD-3-Clause
#include "io/weights_bytes.hpp"
#include "program.hpp"

#include <algorithm>
#include <cmath>

#include <doctest/doctest.h>

namespace lm = lumen;
namespace cli = lumen::testing::cli;

DOCTEST_TEST_CASE("an error is one line that says what to do, on stderr alone, and a non-zero exit") {
  const cli::Folder folder;
  const std::string net = folder.at("net.pt"), image = folder.at("a.png");
  cli::classifier().save(net);
  cli::dense().save(folder.at("dense.pt"));
  cli::module("Pair", "  return (torch.mean(x, [2, 3]), x)\n").save(folder.at("pair.pt"));
  cli::module("Ids", "  return torch.mean(torch.embedding(torch.ones([4, 2]), x), [1])\n")
      .save(folder.at("ids.pt"));
  lm::io::write_npy(folder.at("ids.npy"), at::tensor({1, 7}, at::kLong).reshape({1, 2}));
  cli::module("Product", "  return torch.cumprod(torch.mean(x, [2, 3]), 1)\n").save(folder.at("product.pt"));
  std::ofstream(folder.at("a.webp")) << "RIFF1234WEBPVP8 ";
  lm::io::write_image(image, cli::picture(12, 3));
  std::ofstream(folder.at("bad.pt")) << "not a network";
  std::ofstream(folder.at("model.safetensors.index.json")) << "{\"weight_map\": {}}";
  std::ofstream(folder.at("arrays.npz"), std::ios::binary) << lm::testing::zip({{"x.npy", "\x93NUMPY"}});
  std::ofstream(folder.at("broken.npy")) << "half of an array";
  std::ofstream(folder.at("nothing.npy")) << "";
  cli::module("Quantised",
              "  return torch.mean(torch.dequantize(torch.quantize_per_tensor(x, 0.1, 0, 13)), [2, 3])\n")
      .save(folder.at("quantised.pt"));
  cli::module("Sigmoid", "  return torch.sigmoid(torch.mean(x, [1], True))\n").save(folder.at("sigmoid.pt"));
  const at::Tensor lost = at::zeros({1, 3, 4, 4}, at::kFloat);
  lost[0][1][2][3] = std::nan("");
  lm::io::write_npy(folder.at("nan.npy"), lost);
  std::filesystem::create_directories(folder.at("empty"));
  const std::string of_dense = " --model " + folder.at("dense.pt") + " --input " + image +
                               " -t 0 --reduce mass --out " + folder.at("rows") + " ",
                    of_page = " --model " + folder.at("dense.pt") + " --input " + image + " --out " +
                              folder.at("page.html") + " ";
  const std::string start = "explain --model " + net + " --input " + image + " ";

  struct Case {
    std::string arguments, message;
    int code = 1;
  };
  const Case cases[] = {
      {"", "subcommand", 2},
      {"explian", "explian", 2},
      {"explain --input x.png", "--model FILE (TorchScript), or --net NAME"},
      {"explain --net unet --input " + image, "name the file of its weights with --weights"},
      {"explain --net vgg --weights " + image + " --input " + image, "there are unet, custom-resnet"},
      {"explain --net unet:depth=3 --weights " + image + " --input " + image, "unet has no option 'depth'"},
      {"explain --net unet --weights " + image + " --input " + image, "not a .pth file"},
      {start + "--nonsense", "--nonsense", 2},
      {start + "--alpha 3", "--alpha", 2},
      {start + "--method nonsense", "there is no method 'nonsense'; there are: saliency"},
      {start + "--method saliency --set steps=3",
       "saliency has no option 'steps'; its options are: absolute"},
      {start + "--set steps=many", "'many' is not an integer; expected integer"},
      {start + "--set rule=simpson", "'simpson' is none of gauss-legendre|"},
      {start + "--set steps", "expected NAME=VALUE"},
      {start + "--set steps=0", "steps is 0, expected at least 1"},
      {start + "--target 9", "class 9 is out of range"},
      {start + "--target pixel:0,1,2", "needs a dense output"},
      {start + "--target nonsense", "target 'nonsense': no such target; write 3, class:3"},
      {start + "--target pixel:1", "expected a channel, a row and a column"},
      {start + "--target class:x", "'x' is not an integer"},
      {start + "--target region:1," + folder.at("none.png"), "no such file"},
      {start + "--baseline fog", "'fog' is neither a baseline nor a file"},
      {start + "--baseline blur:x", "'x' is not a number"},
      {start + "--baseline blur:-1", "sigma is -1"},
      {start + "--method saliency --baseline zero", "saliency has no baseline"},
      {start + "--method grad-cam", "grad-cam explains a layer: name it with --layer"},
      {start + "--method grad-cam --layer secnd", "no module 'secnd'; did you mean second?"},
      {start + "--method grad-cam --layer relu#2", "its calls are relu#0 to relu#1"},
      {start + "--method grad-cam --layer relu:x", "'x' is not the number of an operator"},
      {start + "--method grad-cam --layer relu:7", "relu 7"},
      {start + "--method full-grad --layer second", "leave --layer out"},
      {start + "--neuron element:1,2,3", "name its layer with --layer"},
      {start + "--device tpu", "expected cpu, cuda"},
      {start + "--dtype half", "expected float32 or float64"},
      {start + "--memory lots", "is not an integer"},
      {start + "--size 0", "--size 0: expected S or H,W"},
      {"influence" + of_dense + "--outputs every:x", "--outputs every:x: expected a step"},
      {start + "--size wide", "--size wide: 'wide' is not an integer"},
      {start + "--mean 0.1,x", "--mean 0.1,x: 'x' is not a number"},
      {start + "--mean 0.1,0.2", "--mean has 2 values"},
      {start + "--std=-1", "expected numbers above 0"},
      {start + "--crop 50", "--crop 50 x 50 is larger"},
      {start + "--out map.txt", "expected a name that ends in .npy"},
      {start + "--out " + folder.at("none/map.npy"), "there is no folder"},
      {start + "--picture " + folder.at("over.png") + " --colors pink", "expected auto, rd-yl-gn"},
      {start + image + " --out " + folder.at("map.npy"), "name a folder"},
      {start + "--part logits", "no 'logits'"},
      {"explain --model " + folder.at("pair.pt") + " --input " + image, "--part 0 or --part out"},
      {"explain --model " + folder.at("pair.pt") + " --input " + image,
       "lumen: \"" + image + "\": the TorchScript model returns a tuple"},
      {"explain --model " + folder.at("ids.pt") + " --input " + folder.at("ids.npy") + " --layer embedding:0",
       "the network fails on Long [1, 2]: index out of range"},
      {"explain --model " + folder.at("product.pt") + " --input " + image + " --channels 3 --method lrp",
       "use a method without rules, such as integrated-gradients, or write the network without 'cumprod'"},
      {"explain --model " + net + " --input " + folder.at("a.webp"), "a WebP image: convert it to PNG"},
      {start + "--channels 4", "cannot be made one of 4"},
      {start + "--channels none", "'none' is not an integer"},
      {start + "--batch perhaps", "--batch", 2},
      {start + "--shape 0,1", "expected numbers above 0"},
      {start + "--target 1,0", "--target names 2 classes, and the inputs hold 1"},
      {start + "--method occlusion --set window=-1", "a window of -1"},
      {"explain --model " + folder.at("none.pt") + " --input " + image, "none.pt"},
      {"explain --model " + folder.at("bad.pt") + " --input " + image, "bad.pt"},
      {"explain --model " + net + " --input " + folder.at("none.png"), "there is no file"},
      {"explain --model " + net + " --input " + folder.at("bad.pt"), "bad.pt"},
      {"explain --model " + net + " --input " + folder.at("empty"), "holds no image"},
      {"explain --model " + net + " --input " + image + " --channels 1", "to have 3 channels"},
      {"explain --model " + folder.at("dense.pt") + " --input " + image, "has no one predicted class"},
      {"explain --model " + net + " --input " + folder.at("broken.npy"),
       "damaged, or no picture and no array: it begins like no PNG, JPEG, BMP, TIFF or npy file, though its "
       "name "
       "ends in .npy"},
      {"explain --model " + net + " --input " + folder.at("nothing.npy"), "the file is empty"},
      {"explain --model " + net + " --input " + folder.at("nan.npy"),
       "holds NaN or infinite values; replace them in the file (numpy.nan_to_num)"},
      {"explain --model " + folder.at("quantised.pt") + " --input " + image + " --channels 3",
       "has no derivative: explain the network as it was before it was quantised"},
      {"influence" + of_dense + "--size 0,3", "--size 0,3: expected S or H,W, at least 1 each"},
      {"influence" + of_dense + "--size 4,4,4", "expected S or H,W"},
      {"influence" + of_dense + "--crop=-2", "--crop -2: expected S or H,W"},
      {"influence" + of_dense + "--std 0", "--std: expected numbers above 0"},
      {"influence" + of_dense + "--std=-0.2", "--std: expected numbers above 0"},
      {"influence" + of_dense + "--mean few", "'few' is not a number"},
      {"page" + of_page + "--size 0,3", "--size 0,3: expected S or H,W, at least 1 each"},
      {"page" + of_page + "--crop=-2", "--crop -2: expected S or H,W"},
      {"page" + of_page + "--std=-0.2", "--std: expected numbers above 0"},
      {"page --model " + folder.at("sigmoid.pt") + " --input " + image + " --out " + folder.at("p.html") +
           " --score logit",
       "gives probabilities already (it ends in a sigmoid?), no logits"},
      {"explain --model " + folder.at("sigmoid.pt") + " --input " + image + " --target softmax:pixel:0,1,1",
       "write pixel:0,1,1 for the probability, logit:pixel:0,1,1 for its log-odds"},
      {"explain --model " + folder.at("sigmoid.pt") + " --input " + image +
           " --target pixel:0,1,1 --method feature-ablation --set features=prediction",
       "write prediction:0.5, if these are logits prediction:0"},
      {"influence --model " + folder.at("sigmoid.pt") + " --input " + image +
           " -t log-odds:0 --reduce mass --out " + folder.at("rows"),
       "write 0 for the probability, logit:0 for its log-odds"},
      {"explain --net unet --weights " + net + " --input " + image, "explain it itself with --model"},
      {"explain --net unet --weights " + folder.at("model.safetensors.index.json") + " --input " + image,
       "lumen: \"" + folder.at("model.safetensors.index.json") + "\": the file is JSON, perhaps the index"},
      {"explain --net unet --weights " + folder.at("model.safetensors.index.json") + " --input " + image,
       "save the tensors of all of them into one file"},
      {"explain --model " + folder.at("arrays.npz") + " --input " + image, "an npz of arrays ('x.npy')"},
      {"methods nonsense", "there is no method"},
      {"inspect " + net + " --shape 1,2,3", "to have 3 channels"},
      {"inspect " + net + " --shape many", "is not an integer"},
  };
  for (const Case& each : cases) {
    const cli::Ran ran = cli::lumen_program(folder, each.arguments);
    DOCTEST_INFO(each.arguments, "\n", ran.err);
    DOCTEST_CHECK(ran.code == each.code);
    DOCTEST_CHECK(ran.out.empty());
    DOCTEST_CHECK(ran.err.starts_with("lumen: "));
    DOCTEST_CHECK(std::count(ran.err.begin(), ran.err.end(), '\n') == 1);
    DOCTEST_CHECK(ran.err.find(each.message) != std::string::npos);
  }
  DOCTEST_CHECK_FALSE(std::filesystem::exists(folder.at("map.npy")));
}

DOCTEST_TEST_CASE("help is on stdout and no error") {
  const cli::Folder folder;
  for (const char* arguments : {"--help", "explain --help", "inspect --help", "methods --help"}) {
    const cli::Ran ran = cli::lumen_program(folder, arguments);
    DOCTEST_CHECK(ran.code == 0);
    DOCTEST_CHECK(ran.err.empty());
    DOCTEST_CHECK(ran.out.find("--help") != std::string::npos);
  }
}

DOCTEST_TEST_CASE("a network whose samples influence each other is explained one at a time, with a note") {
  const cli::Folder folder;
  cli::module("Interacting",
              "  y = x - 0.5 * torch.mean(x, [0], True)\n  return torch.mean(torch.exp(y), [2, 3])\n")
      .save(folder.at("net.pt"));
  const at::Tensor x = lm::testing::nets::random({1, 3, 6, 6}, 3).to(at::kFloat);
  lm::io::write_npy(folder.at("x.npy"), x);
  const cli::Ran ran = cli::lumen_program(
      folder, "explain --json --model " + folder.at("net.pt") + " --input " + folder.at("x.npy") +
                  " --target 1 --set steps=60 --out " + folder.at("map.npy"));
  DOCTEST_INFO(ran.err);
  DOCTEST_REQUIRE(ran.code == 0);
  DOCTEST_CHECK(ran.json()["results"][0]["note"].get<std::string>().find("influence each other") !=
                std::string::npos);
  // alone, half of the sample is left
  const double difference = (x.select(1, 1) * 0.5).exp().mean().item<double>() - 1.0;
  DOCTEST_CHECK(lm::io::read_npy(folder.at("map.npy")).sum().item<double>() ==
                doctest::Approx(difference).epsilon(1e-3));
}

DOCTEST_TEST_CASE("the pixels of each class of a network that ends in a sigmoid are those above a half") {
  const cli::Folder folder;
  cli::module("Sigmoid", "  return torch.sigmoid(torch.mean(x, [1], True))\n").save(folder.at("net.pt"));
  const at::Tensor x = lm::testing::nets::random({1, 3, 6, 6}, 4).to(at::kFloat);
  lm::io::write_npy(folder.at("x.npy"), x);
  const auto above = x.mean(1).gt(0).sum().item<std::int64_t>();
  const cli::Ran ran =
      cli::lumen_program(folder, "explain --json --model " + folder.at("net.pt") + " --input " +
                                     folder.at("x.npy") + " --target class-region:0@0.5");
  DOCTEST_INFO(ran.err);
  DOCTEST_REQUIRE(ran.code == 0);
  const auto prediction = ran.json()["results"][0]["prediction"];
  DOCTEST_CHECK(prediction["pixels"] == nlohmann::json({36 - above, above}));
  DOCTEST_CHECK(prediction["threshold"] == 0.5);
  // the log-odds of its probability are the logit
  const cli::Ran odds =
      cli::lumen_program(folder, "explain --json --model " + folder.at("net.pt") + " --input " +
                                     folder.at("x.npy") + " --target logit:pixel:0,2,3 --method saliency");
  DOCTEST_INFO(odds.err);
  DOCTEST_REQUIRE(odds.code == 0);
  DOCTEST_CHECK(odds.json()["results"][0]["score"].get<double>() ==
                doctest::Approx(x.mean(1)[0][2][3].item<double>()).epsilon(1e-4));
}
