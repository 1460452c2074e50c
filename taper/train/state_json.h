#pragma once

#include <map>
#include <string>

#include "taper/io/safetensors.h"
#include "taper/tensor/ivalue.h"

// Trees of values as JSON: numbers come back with their kinds and bits, tensors stand in lists
// beside the text.
namespace taper::train {

/// The tensors of a tree by the file in which they stand.
using StateTensors = std::map<std::string, io::NamedTensors>;

/// The file for tensors under a key of the tree's dict: "model", "ema" and "optimizer" have one
/// each.
std::string tensor_file_of(const std::string& key);
/// One key of the dict in a line; adds the tensors. Throws ConfigError unless the tree is a dict
/// with texts as keys.
std::string write_state_json(const IValue& tree, StateTensors& tensors);
/// Reads an object whose "state" is such a text; tensors: null leaves None in their places. Throws
/// IoError beginning with where.
IValue read_state_json(const std::string& where, const std::string& text,
                       const StateTensors* tensors);

}  // namespace taper::train
