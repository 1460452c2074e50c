#pragma once

#include <cstddef>
#include <cstdint>

#include "taper/io/archive.h"
#include "taper/tensor/generator.h"

// What the states of samplers and loaders are made of.
namespace taper::data {

/// Numbers of an archive; reading throws ConfigError where there is none of the name.
void write_count(serialize::OutputArchive& archive, const char* name, uint64_t value);
int64_t read_int(const serialize::InputArchive& archive, const char* name);
/// The seed that Python's loaders and samplers draw: 63 bits.
uint64_t draw_seed(const Generator& generator);

}  // namespace taper::data
