// Grids and choices: meshgrid, cartesian_prod, combinations.
#include <iostream>

#include "taper/taper.h"

using namespace taper;

int main() {
  const Tensor sizes = tensor({1, 2, 3}), colours = tensor({10, 20});
  std::cout << "cartesian_prod(sizes, colours): the last varies fastest\n"
            << repr(cartesian_prod({sizes, colours})) << '\n';
  std::cout << "of one tensor it is that tensor: " << repr(cartesian_prod({sizes})) << '\n';
  const std::vector<Tensor> grid = meshgrid({sizes, colours});
  std::cout << "meshgrid\n" << repr(grid[0]) << '\n' << repr(grid[1]) << '\n';
  std::cout << "combinations(sizes)\n" << repr(combinations(sizes)) << '\n';
  std::cout << "combinations(sizes, 2, with_replacement)\n"
            << repr(combinations(sizes, 2, true)) << '\n';
  try {
    cartesian_prod({ones({2, 2})});
  } catch (const Error& error) {
    std::cout << error.what_without_backtrace() << '\n';
  }
}
