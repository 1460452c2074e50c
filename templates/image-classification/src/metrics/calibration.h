#pragma once

namespace taper::train {
struct Project;
}

// "CalibrationError": how far the model's confidence lies from its accuracy.
void add_calibration(taper::train::Project& project);
