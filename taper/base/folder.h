#pragma once

#include <string>
#include <vector>

#include "taper/base/macros.h"

namespace taper TAPER_API {

/// The names in a folder, sorted. Throws IoError.
std::vector<std::string> list_folder(const std::string& path);
/// Whether there is a folder of that name, links followed.
bool is_folder(const std::string& path);
/// Removes a file, a link or a folder with all that is in it; what is not there is no error. Throws
/// IoError.
void remove_all(const std::string& path);
/// A hidden name beside path, for what is to be put in its place; this process's own.
std::string temporary_sibling(const std::string& path);
/// Removes from a folder what processes that were killed have left under such names, of paths whose
/// names begin with prefix. Throws IoError.
void sweep_temporaries(const std::string& folder, const std::string& prefix);
/// Renames a folder over another or to a new name, in one step, and makes that durable: at any time
/// there is the old one or the new one, whole. The old one is removed. Both stand in one folder.
/// Throws IoError.
void replace_folder(const std::string& from, const std::string& to);
/// Removes a folder so that it is gone in one step, never half there under its name. Throws
/// IoError.
void remove_folder(const std::string& path);
/// Makes a symbolic link, or turns an existing one to the target, in one step; a relative target is
/// relative to the link. Throws IoError, also where path is no link.
void replace_link(const std::string& path, const std::string& target);
/// What a symbolic link points to; empty when path is no link.
std::string link_target(const std::string& path);

}  // namespace taper
