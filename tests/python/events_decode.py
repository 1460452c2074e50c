#!/usr/bin/env python3
"""Decodes an event file of Taper with Debian's python3-protobuf and checks every value.

The messages are declared here by the field numbers of TensorBoard's .proto files. Ends with 77
(skipped) where protobuf is missing.
"""
import argparse
import math
import pathlib
import struct
import subprocess
import sys
import tempfile

try:
    from google.protobuf import descriptor_pb2, descriptor_pool, message_factory, struct_pb2
except ImportError as error:
    print(f"skipped: {error}")
    sys.exit(77)

# message: [(name, number, type[, options])]; another message's name is its type.
MESSAGES = {
    "Event": [("wall_time", 1, "double"), ("step", 2, "int64"), ("file_version", 3, "string"),
              ("summary", 5, "Summary"), ("session_log", 7, "SessionLog")],
    "SessionLog": [("status", 1, "int32")],
    "Summary": [("value", 1, "Value", "repeated")],
    "Value": [("tag", 1, "string"), ("simple_value", 2, "float"), ("image", 4, "Image"),
              ("histo", 5, "Histogram"), ("tensor", 8, "TensorText"), ("metadata", 9, "Metadata")],
    "Image": [("height", 1, "int32"), ("width", 2, "int32"), ("colorspace", 3, "int32"),
              ("encoded_image_string", 4, "bytes")],
    "Histogram": [("min", 1, "double"), ("max", 2, "double"), ("num", 3, "double"),
                  ("sum", 4, "double"), ("sum_squares", 5, "double"),
                  ("bucket_limit", 6, "double", "repeated"), ("bucket", 7, "double", "repeated")],
    "Metadata": [("plugin_data", 1, "PluginData")],
    "PluginData": [("plugin_name", 1, "string"), ("content", 2, "bytes")],
    "TensorText": [("dtype", 1, "int32"), ("tensor_shape", 2, "Shape"),
                   ("string_val", 8, "bytes", "repeated")],
    "Shape": [("dim", 2, "Dimension", "repeated")],
    "Dimension": [("size", 1, "int64")],
    "HParams": [("version", 1, "int32"), ("start", 3, "Start"), ("end", 4, "End")],
    "Start": [("hparams", 1, "Entry", "repeated"), ("start_time_secs", 5, "double")],
    "Entry": [("key", 1, "string"), ("value", 2, "google.protobuf.Value")],
    "End": [("status", 1, "int32"), ("end_time_secs", 2, "double")],
}


def message_classes():
    """{name: class} of MESSAGES."""
    file = descriptor_pb2.FileDescriptorProto(name="events.proto", package="t", syntax="proto3")
    file.dependency.append(struct_pb2.DESCRIPTOR.name)
    kinds = descriptor_pb2.FieldDescriptorProto
    for message, fields in MESSAGES.items():
        entry = file.message_type.add(name=message)
        for name, number, kind, *options in fields:
            field = entry.field.add(name=name, number=number, label=kinds.LABEL_OPTIONAL)
            if options:
                field.label = kinds.LABEL_REPEATED
            if kind[0].islower() and "." not in kind:
                field.type = getattr(kinds, "TYPE_" + kind.upper())
            else:
                field.type = kinds.TYPE_MESSAGE
                field.type_name = "." + kind if "." in kind else ".t." + kind
    pool = descriptor_pool.Default()
    pool.Add(file)
    factory = message_factory.MessageFactory(pool)
    return {name: factory.GetPrototype(pool.FindMessageTypeByName("t." + name))
            for name in MESSAGES}


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def masked(data):
    crc = crc32c(data)
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def records(data):
    at = 0
    while at < len(data):
        length, = struct.unpack_from("<Q", data, at)
        assert struct.unpack_from("<I", data, at + 8)[0] == masked(data[at:at + 8]), at
        body = data[at + 12:at + 12 + length]
        assert struct.unpack_from("<I", data, at + 12 + length)[0] == masked(body), at
        yield body
        at += 16 + length
    assert at == len(data)


def check_hparams(kinds, value, part):
    assert value.metadata.plugin_data.plugin_name == "hparams"
    content = kinds["HParams"].FromString(value.metadata.plugin_data.content)
    assert content.version == 0 and content.HasField(part)
    return getattr(content, part)


def check_histograms(values):
    histogram = values["weights/w"].histo
    assert (histogram.num, round(histogram.min, 6), round(histogram.max, 6)) == (100, -5, 4.9)
    assert sum(histogram.bucket) == 100 and len(histogram.bucket) == len(histogram.bucket_limit)
    numbers = [i / 10 for i in range(-50, 50)]
    assert math.isclose(histogram.sum, sum(numbers), abs_tol=1e-4)
    assert math.isclose(histogram.sum_squares, sum(x * x for x in numbers), rel_tol=1e-6)
    limits = list(histogram.bucket_limit)
    assert limits == sorted(limits) and limits[0] > -5 and limits[-1] > 4.9
    for low, high, count in zip([-math.inf] + limits, limits, histogram.bucket):
        slack = 1e-6  # float32 steps aside of a limit
        assert sum(low + slack <= x < high - slack for x in numbers) <= count
        assert count <= sum(low - slack <= x < high + slack for x in numbers)
    assert values["weights/broken"].histo.num == 1
    assert values["weights/broken/nonfinite"].simple_value == 2


def check(kinds, data):
    events = [kinds["Event"].FromString(body) for body in records(data)]
    assert all(event.wall_time == 1700000000.125 for event in events)
    assert events[0].file_version == "brain.Event:2"
    assert (events[1].session_log.status, events[1].step) == (1, 3)
    pairs = [(event.step, value) for event in events[2:] for value in event.summary.value]
    values = {value.tag: value for _, value in pairs}
    losses = [(step, value.simple_value) for step, value in pairs if value.tag == "train/loss"]
    assert losses == [(step, struct.unpack("f", struct.pack("f", 1 / step))[0])
                      for step in range(3, 6)]
    assert [step for step, value in pairs if value.tag == "größe"] == [-7]
    assert math.isnan(values["größe"].simple_value)
    check_histograms(values)
    image = values["samples"].image
    assert (image.height, image.width, image.colorspace) == (14, 16, 3)
    png = image.encoded_image_string
    assert png[:8] == b"\x89PNG\r\n\x1a\n" and struct.unpack(">II", png[16:24]) == (16, 14)
    text = values["note/text_summary"]
    assert text.metadata.plugin_data.plugin_name == "text" and text.tensor.dtype == 7
    assert list(text.tensor.string_val) == [b"# title\n\nsome *text*"]
    assert [dim.size for dim in text.tensor.tensor_shape.dim] == [1]
    start = check_hparams(kinds, values["_hparams_/session_start_info"], "start")
    given = {entry.key: getattr(entry.value, entry.value.WhichOneof("kind"))
             for entry in start.hparams}
    assert given == {"lr": 0.1, "optimizer": "Adam", "bias": True, "layers": 3}
    assert check_hparams(kinds, values["_hparams_/session_end_info"], "end").status == 1
    return len(events)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--program", required=True)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        run = subprocess.run([options.program, folder], capture_output=True, text=True, check=True)
        count = check(message_classes(), pathlib.Path(run.stdout.strip()).read_bytes())
    print(f"{count} records hold what was written")
    return 0


if __name__ == "__main__":
    sys.exit(main())
