#pragma once

#include <cstdint>

/// The fields of TensorBoard's messages, by the numbers that they have in its .proto files.
namespace taper::train::proto {

// tensorflow.Event
constexpr uint32_t kEventTime = 1, kEventStep = 2, kEventVersion = 3, kEventSummary = 5,
                   kEventSession = 7;
// tensorflow.SessionLog
constexpr uint32_t kSessionStatus = 1;
constexpr int64_t kSessionStart = 1;
// tensorflow.Summary and its Value
constexpr uint32_t kSummaryValue = 1;
constexpr uint32_t kValueTag = 1, kValueScalar = 2, kValueImage = 4, kValueHistogram = 5,
                   kValueTensor = 8, kValueMetadata = 9;
// tensorflow.Summary.Image
constexpr uint32_t kImageHeight = 1, kImageWidth = 2, kImageColors = 3, kImagePng = 4;
// tensorflow.HistogramProto
constexpr uint32_t kHistogramMin = 1, kHistogramMax = 2, kHistogramCount = 3, kHistogramSum = 4,
                   kHistogramSquares = 5, kHistogramLimits = 6, kHistogramBuckets = 7;
// tensorflow.SummaryMetadata and its PluginData
constexpr uint32_t kMetadataPlugin = 1;
constexpr uint32_t kPluginName = 1, kPluginContent = 2;
// tensorflow.TensorProto and TensorShapeProto
constexpr uint32_t kTensorType = 1, kTensorShape = 2, kTensorText = 8;
constexpr int64_t kTensorString = 7;
constexpr uint32_t kShapeDimension = 2, kDimensionSize = 1;
// tensorboard.hparams.HParamsPluginData, SessionStartInfo and SessionEndInfo
constexpr uint32_t kHparamsStart = 3, kHparamsEnd = 4;
constexpr uint32_t kStartValues = 1, kStartTime = 5;
constexpr uint32_t kEndStatus = 1, kEndTime = 2;
// google.protobuf.Value, and an entry of a map
constexpr uint32_t kValueNumber = 2, kValueText = 3, kValueBool = 4;
constexpr uint32_t kMapKey = 1, kMapValue = 2;

}  // namespace taper::train::proto
