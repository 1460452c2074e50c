#!/usr/bin/env python3
"""Writes tests/data/golden/images.txt: what torchvision makes of a small image.

    /usr/bin/python3 tools/golden/image_golden.py FILE > tests/data/golden/images.txt

FILE: torchvision/transforms/_functional_tensor.py out of torchvision's wheel (made with 0.16.2 on
PyTorch 1.13.1), which needs nothing else of it. Affine maps are inverted here, by NumPy. Each line:
a name, u or f (bytes or floats), channels, height, width, the values.
"""
import importlib.util
import math
import sys

import numpy
import torch


def load(path):
    spec = importlib.util.spec_from_file_location("functional_tensor", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def picture():
    c, y, x = torch.meshgrid(torch.arange(3), torch.arange(6), torch.arange(9), indexing="ij")
    return ((c * 53 + y * 31 + x * 17 + (x * y * 7) % 13 * 5) % 256).to(torch.uint8)


def line(name, image):
    kind = "u" if image.dtype == torch.uint8 else "f"
    values = (str(int(v)) if kind == "u" else repr(round(float(v), 6)) for v in image.flatten())
    print(name, kind, *image.shape, *values)


def inverse(angle, translate, scale, shear, center):
    """From the result's places to the image's, the first two rows."""
    r, sx, sy = (math.radians(v) for v in (angle, *shear))
    rotation = [[math.cos(r), -math.sin(r), 0], [math.sin(r), math.cos(r), 0], [0, 0, 1]]
    shear_x = [[1, -math.tan(sx), 0], [0, 1, 0], [0, 0, 1]]
    shear_y = [[1, 0, 0], [-math.tan(sy), 1, 0], [0, 0, 1]]
    to_center = numpy.array([[1, 0, center[0]], [0, 1, center[1]], [0, 0, 1]])
    shift = numpy.array([[1, 0, translate[0]], [0, 1, translate[1]], [0, 0, 1]])
    size = numpy.diag([scale, scale, 1.0])
    matrix = (shift @ to_center @ numpy.array(rotation) @ numpy.array(shear_y)
              @ numpy.array(shear_x) @ size @ numpy.linalg.inv(to_center))
    return numpy.linalg.inv(matrix)[:2].flatten().tolist()


def main():
    tv = load(sys.argv[1])
    for name, image in (("u", picture()), ("f", picture().float() / 255)):
        for size in ([4, 5], [12, 7], [3, 20]):
            text = f"{size[0]}_{size[1]}_{name}"
            line(f"resize_{text}", tv.resize(image, size, "bilinear", antialias=True))
            line(f"resize_plain_{text}", tv.resize(image, size, "bilinear", antialias=False))
            line(f"resize_nearest_{text}", tv.resize(image, size, "nearest"))
        for mode in ("nearest", "bilinear"):
            matrix = inverse(25, (2, -1), 1.3, (10, 5), (0, 0))
            line(f"affine_{mode}_{name}", tv.affine(image, matrix, mode, None))
            matrix = inverse(-40, (0, 0), 0.8, (0, 20), (1.0 - 4.5, 2.0 - 3.0))
            line(f"affine_center_{mode}_{name}", tv.affine(image, matrix, mode, None))
            matrix = inverse(-33, (0, 0), 1, (0, 0), (0, 0))
            line(f"rotate_{mode}_{name}", tv.rotate(image, matrix, mode, False, None))
            line(f"rotate_expand_{mode}_{name}", tv.rotate(image, matrix, mode, True, None))
        line(f"affine_fill_{name}",
             tv.affine(image, inverse(25, (2, -1), 1.3, (10, 5), (0, 0)), "nearest", [0.5, 0.5, 0.5]))
        line(f"gray_{name}", tv.rgb_to_grayscale(image, 3))
        for factor in (0.4, 1.7):
            line(f"brightness_{factor}_{name}", tv.adjust_brightness(image, factor))
            line(f"contrast_{factor}_{name}", tv.adjust_contrast(image, factor))
            line(f"saturation_{factor}_{name}", tv.adjust_saturation(image, factor))
        for factor in (-0.3, 0.15, 0.5):
            line(f"hue_{factor}_{name}", tv.adjust_hue(image, factor))
        for mode in ("edge", "reflect", "symmetric"):
            line(f"pad_{mode}_{name}", tv.pad(image, [3, 1, 2, 4], padding_mode=mode))
        line(f"pad_constant_{name}", tv.pad(image, [3, 1, 2, 4], fill=0.25))
        line(f"convert_{name}",
             tv.convert_image_dtype(image, torch.float32 if name == "u" else torch.uint8))


if __name__ == "__main__":
    main()
