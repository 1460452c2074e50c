// Training runs whose losses both sides must share before any time is taken.
#include "models/networks.h"
#include "rows.h"

namespace bench {

void add_loss_curves(Suite& suite) {
  suite.curves.push_back({"mlp/8-8-8-1/batch16", [] {
                            return losses_of([] { return make_mlp({8, 8, 8, 1}, 16); }, 50);
                          }});
  suite.curves.push_back({"mlp/784-256-128-10/batch32", [] {
                            auto make = [] { return make_mlp({784, 256, 128, 10}, 32); };
                            return losses_of(make, 30);
                          }});
  suite.curves.push_back(
      {"demo/batch32/dropout0", [] { return losses_of([] { return make_demo(32, 0.0); }, 12); }});
}

}  // namespace bench
