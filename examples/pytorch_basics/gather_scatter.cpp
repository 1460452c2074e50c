// gather reads elements by index, scatter writes them; drawn as tables in two and three dimensions.
#include <iomanip>
#include <iostream>

#include "taper/taper.h"

using namespace taper;

namespace {

void draw(const char* what, const Tensor& table) {
  std::cout << what << '\n';
  for (int64_t r = 0; r < table.size(0); ++r) {
    std::cout << "   ";
    for (int64_t c = 0; c < table.size(1); ++c) {
      std::cout << std::setw(4) << table[r][c].item<int64_t>();
    }
    std::cout << '\n';
  }
}

void draw_layers(const char* what, const Tensor& layers) {
  for (int64_t i = 0; i < layers.size(0); ++i) {
    draw((std::string(what) + ", layer " + std::to_string(i)).c_str(), layers[i]);
  }
}

}  // namespace

int main() {
  const Tensor input = tensor({{11, 12, 13}, {21, 22, 23}, {31, 32, 33}});
  const Tensor index = tensor({{0, 2}, {1, 0}, {2, 2}});
  draw("input", input);
  draw("index", index);
  // out[i][j] = input[i][index[i][j]]: every row picks from itself.
  draw("gather along 1: input[i][index[i][j]]", input.gather(1, index));
  // out[i][j] = input[index[i][j]][j]: every column picks from itself.
  draw("gather along 0: input[index[i][j]][j]", input.gather(0, index));

  const Tensor source = tensor({{1, 2}, {3, 4}, {5, 6}});
  draw("source", source);
  // self[i][index[i][j]] = source[i][j]; of two writes to one place, the last stays.
  draw("scatter along 1 into zeros", zeros({3, 3}, kLong).scatter(1, index, source));
  draw("scatter_add along 1: both are counted", zeros({3, 3}, kLong).scatter_add(1, index, source));

  const Tensor cube = arange(8).view({2, 2, 2});
  const Tensor order = tensor({{{1, 0}, {0, 0}}, {{0, 1}, {1, 1}}});
  draw_layers("cube", cube);
  draw_layers("index", order);
  draw_layers("gather along 0: cube[index[i][j][k]][j][k]", cube.gather(0, order));
  draw_layers("gather along 2: cube[i][j][index[i][j][k]]", cube.gather(2, order));

  // One-hot rows of words in a batch of sentences.
  const Tensor words = tensor({{2, 0}, {1, 3}});
  draw_layers("one-hot", zeros({2, 2, 4}, kLong).scatter(2, words.unsqueeze(2), 1));

  try {
    input.gather(1, tensor({{3}}));
  } catch (const Error& error) {
    std::cout << "an index too far: " << error.what_without_backtrace() << '\n';
  }
}
