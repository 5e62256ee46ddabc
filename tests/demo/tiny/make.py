"""python -m tests.demo.tiny.make: make a tiny reader.onnx with the contract of the committed one, beside this script.

It reads bars on white paper. Ink in neighbouring columns is one piece. A bar that begins in the first tenth of the
height is a 0, in the last a 9. Narrow bars are read surely, those wider than a tenth of the sheet unsurely, and those
wider than a fifth are no digit. LeNet5's feature maps have their real shapes and arbitrary values.
"""

from pathlib import Path

import numpy as np
import onnx

HERE = Path(__file__).parent
GRAPH = """
<ir_version: 8, opset_import: ["": 17]>
reader (uint8[batch, height, width] sketch) => (
    int64[batch, count] digits, int64[batch, count] line, float[batch, count] sure, float[batch, count, 4] boxes,
    float[batch, count, 3, 10] probabilities, float[batch, count, 28, 28] images,
    float[batch, count, 6, 24, 24] conv1, float[batch, count, 16, 19, 19] conv2, float[batch, count, 120, 5, 5] conv3,
    float[batch, count, 84] fc6)
<
    int64 zero = {0}, int64 one = {1}, int64 two = {2}, int64[1] first = {0}, int64[1] last = {-1},
    int64[1] axis1 = {1}, int64[1] axis2 = {2}, int64[4] left_column = {0, 1, 0, 0},
    uint8 dark = {128}, float nothing = {0}, float full = {1}, float ten = {10}, float others = {9},
    float unsure = {0.1}, float blot = {0.2}, float[3] confidences = {0.1, 0.6, 0.99},
    int64[10] all_digits = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9}, int64[4] networks = {1, 1, 3, 1},
    int64[2] image_size = {28, 28}, int64[4] image_shape = {-1, 1, 28, 28},
    int64[3] conv1_size = {6, 24, 24}, int64[3] conv2_size = {16, 19, 19}, int64[3] conv3_size = {120, 5, 5}
>
{
    is_ink = Less (sketch, dark)
    ink = Cast <to = 1> (is_ink)
    columns = ReduceMax <axes = [1], keepdims = 0> (ink)
    shifted = Pad (columns, left_column)
    before = Slice (shifted, first, last, axis1)
    steps = Sub (columns, before)
    beginnings = Relu (steps)
    numbers = CumSum (beginnings, one)
    column_numbers = Mul (numbers, columns)
    label = Cast <to = 7> (column_numbers)
    count = ReduceMax <keepdims = 0> (label)
    end = Add (count, one)
    pieces = Range (one, end, one)
    piece = Unsqueeze (pieces, axis1)
    labels = Unsqueeze (label, axis1)
    is_own = Equal (labels, piece)
    mask = Cast <to = 1> (is_own)

    sheet = Unsqueeze (ink, axis1)
    mask_of_sheet = Unsqueeze (mask, axis2)
    own_ink = Mul (sheet, mask_of_sheet)
    rows = ReduceMax <axes = [3], keepdims = 0> (own_ink)
    first_column = ArgMax <axis = 2, keepdims = 0> (mask)
    first_row = ArgMax <axis = 2, keepdims = 0> (rows)
    left = Cast <to = 1> (first_column)
    top = Cast <to = 1> (first_row)
    broad = ReduceSum <keepdims = 0> (mask, axis2)
    tall = ReduceSum <keepdims = 0> (rows, axis2)
    right = Add (left, broad)
    bottom = Add (top, tall)
    left_edge = Unsqueeze (left, last)
    top_edge = Unsqueeze (top, last)
    right_edge = Unsqueeze (right, last)
    bottom_edge = Unsqueeze (bottom, last)
    boxes = Concat <axis = 2> (left_edge, top_edge, right_edge, bottom_edge)

    size = Shape (ink)
    height_size = Gather (size, one)
    width_size = Gather (size, two)
    sheet_height = Cast <to = 1> (height_size)
    sheet_width = Cast <to = 1> (width_size)
    share = Div (broad, sheet_width)
    ten_tops = Mul (top, ten)
    tenth = Div (ten_tops, sheet_height)
    value = Cast <to = 7> (tenth)
    is_narrow = LessOrEqual (share, unsure)
    is_digit = LessOrEqual (share, blot)
    is_there = Greater (broad, nothing)
    narrow = Cast <to = 7> (is_narrow)
    digit = Cast <to = 7> (is_digit)
    there = Cast <to = 7> (is_there)
    presence = Cast <to = 1> (is_there)
    level = Add (narrow, digit)
    confidence = Gather (confidences, level)
    sure = Mul (confidence, presence)
    no_digit = Sub (there, two)
    is_read = And (is_digit, is_there)
    digits = Where (is_read, value, no_digit)
    line = Mul (digits, zero)
    value_edge = Unsqueeze (value, last)
    is_value = Equal (value_edge, all_digits)
    rest = Sub (full, confidence)
    each_rest = Div (rest, others)
    of_value = Unsqueeze (confidence, last)
    of_others = Unsqueeze (each_rest, last)
    mean = Where (is_value, of_value, of_others)
    means = Unsqueeze (mean, axis2)
    probabilities = Expand (means, networks)

    batch_and_count = Shape <end = 2> (mask)
    images_shape = Concat <axis = 0> (batch_and_count, image_size)
    images = Resize <mode = "linear"> (own_ink, , , images_shape)
    channel = Reshape (images, image_shape)
    convolved1 = Conv (channel, conv1_weights)
    map1 = Relu (convolved1)
    convolved2 = Conv <group = 2> (map1, conv2_weights)
    map2 = Tanh (convolved2)
    convolved3 = Conv <group = 8, strides = [4, 4]> (map2, conv3_weights)
    map3 = Tanh (convolved3)
    image_columns = ReduceMax <axes = [2], keepdims = 0> (images)
    hidden = MatMul (image_columns, fc6_weights)
    fc6 = Tanh (hidden)
    conv1_shape = Concat <axis = 0> (batch_and_count, conv1_size)
    conv2_shape = Concat <axis = 0> (batch_and_count, conv2_size)
    conv3_shape = Concat <axis = 0> (batch_and_count, conv3_size)
    conv1 = Reshape <allowzero = 1> (map1, conv1_shape)
    conv2 = Reshape <allowzero = 1> (map2, conv2_shape)
    conv3 = Reshape <allowzero = 1> (map3, conv3_shape)
}
"""
WEIGHTS = {
    "conv1_weights": (6, 1, 5, 5),
    "conv2_weights": (16, 3, 6, 6),
    "conv3_weights": (120, 2, 3, 3),
    "fc6_weights": (28, 84),
}


def model() -> onnx.ModelProto:
    made = onnx.parser.parse_model(GRAPH)
    random = np.random.default_rng(0)
    for name, shape in WEIGHTS.items():
        values = random.normal(0, 0.1, shape).astype(np.float32)
        made.graph.initializer.append(onnx.numpy_helper.from_array(values, name))
    onnx.checker.check_model(made, full_check=True)
    return made


def make(folder: Path) -> None:
    onnx.save(model(), folder / "reader.onnx")


if __name__ == "__main__":
    make(HERE)
