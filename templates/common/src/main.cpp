#include "project.h"
#include "taper/train/app.h"

int main(int argc, char** argv) { return taper::train::run_project(argc, argv, &register_all); }
