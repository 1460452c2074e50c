#pragma once

#include <cstdint>

// The numbers of the zip format (APPNOTE.TXT of PKWARE), shared by reader and writer.
namespace taper::io::zip {

inline constexpr uint32_t kLocalHeader = 0x04034b50;
inline constexpr uint32_t kDescriptor = 0x08074b50;
inline constexpr uint32_t kDirectoryEntry = 0x02014b50;
inline constexpr uint32_t kEnd = 0x06054b50;
inline constexpr uint32_t kEnd64 = 0x06064b50;
inline constexpr uint32_t kLocator64 = 0x07064b50;

// Sizes without the parts of variable length.
inline constexpr uint64_t kLocalHeaderBytes = 30;
inline constexpr uint64_t kEntryBytes = 46;
inline constexpr uint64_t kEndBytes = 22;
inline constexpr uint64_t kEnd64Bytes = 56;
inline constexpr uint64_t kLocatorBytes = 20;

inline constexpr uint16_t kStored = 0;
inline constexpr uint16_t kDeflated = 8;
inline constexpr uint16_t kFlagEncrypted = 1;
inline constexpr uint16_t kFlagDescriptor = 1 << 3;
inline constexpr uint16_t kFlagUtf8 = 1 << 11;
inline constexpr uint16_t kExtra64 = 1;
/// Stands where a number is in the zip64 part.
inline constexpr uint32_t kSee64 = 0xffffffff;
inline constexpr uint16_t kSee64Short = 0xffff;

}  // namespace taper::io::zip
