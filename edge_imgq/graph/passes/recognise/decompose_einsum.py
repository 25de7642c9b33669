"""Decompose Einsum into products, sums and transpositions.

One operand     Einsum(x) = Transpose(ReduceSum(x))
Nothing summed  Einsum(x, y) = x · y, with axes of length 1 where only the other operand has them
All summed      Einsum(x, y) = ReduceSum(x · y), where neither operand has a private axis
A matrix        bchw,oc→bohw, with the letters in any order, is a 1×1 convolution; over the last
                axis, …s,so→…o, the right operand of a MatMul

Any other product of two sorts the axes into those that both have and the result keeps (b), those
that only the left has (l), those that only the right has (r), and those summed (s):

    Einsum(x, y) = back to order (MatMul(x as (b, l, s), y as (b, s, r))).

Three or more operands are multiplied in pairs, from the left.
"""

from __future__ import annotations

import math
import string
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np
import onnx_ir as ir

from edge_imgq.graph import edit

Length: TypeAlias = "int | ir.SymbolicDim"


def decompose_einsum(model: ir.Model) -> int:
    """Decompose each Einsum into Mul, MatMul, ReduceSum, Transpose, Reshape and 1×1 Conv.

    Three or more operands are multiplied in pairs, from the left. Nodes that take a diagonal (a
    letter twice in an operand), broadcast an axis of length 1, or merge axes of unknown length are
    left unchanged. Exact in real numbers; float32 sums may be ordered differently.

    Args:
        model: edited in place.

    Returns:
        The number of nodes rewritten.
    """
    count = 0
    for node in list(model.graph):
        if node.op_type == "Einsum":
            count += _rewrite(model.graph, node)
    return count


@dataclass(frozen=True)
class _Operand:
    """A value with one letter per axis."""

    value: ir.Value
    letters: str


@dataclass(frozen=True)
class _Product:
    """An Einsum to be rewritten.

    Attributes:
        node: node before which the replacement is inserted.
        operands: factors.
        result: letters of the output.
        lengths: length of each axis, by letter.
    """

    node: ir.Node
    operands: tuple[_Operand, ...]
    result: str
    lengths: dict[str, Length]

    def size(self, letters: str) -> int | None:
        """Return the product of the lengths of some axes, or None if one is open."""
        lengths = [self.lengths[letter] for letter in letters]
        known = [length for length in lengths if isinstance(length, int)]
        return math.prod(known) if len(known) == len(lengths) else None


def _rewrite(graph: ir.Graph, node: ir.Node) -> bool:
    product = _read(node)
    if product is None:
        return False
    result = _multiply_all(graph, product)
    if result is None:
        return False
    value = _ordered(graph, product, result, product.result)
    value.shape = node.outputs[0].shape
    edit.replace_value(node.outputs[0], value)
    edit.remove_node(node)
    return True


def _multiply_all(graph: ir.Graph, product: _Product) -> _Operand | None:
    """Return the product of all operands, with its axes in any order, or None."""
    left, *others = product.operands
    for index, right in enumerate(others, start=1):
        later = "".join(operand.letters for operand in product.operands[index + 1 :])
        wanted = "".join(
            letter
            for letter in dict.fromkeys(left.letters + right.letters)
            if letter in product.result + later
        )
        wanted = product.result if set(wanted) == set(product.result) and not later else wanted
        pair = _of_two(graph, replace(product, operands=(left, right), result=wanted))
        if pair is None:
            return None
        left = pair
    return _summed(graph, product, left, set(left.letters) - set(product.result))


def _of_two(graph: ir.Graph, product: _Product) -> _Operand | None:
    left, right = product.operands
    alone = set(left.letters) ^ set(right.letters)
    left, right = (
        _summed(graph, product, each, alone & set(each.letters) - set(product.result))
        for each in (left, right)
    )
    if edit.is_constant(left.value) and not edit.is_constant(right.value):
        left, right = right, left
    product = replace(product, operands=(left, right))
    gone = set(left.letters + right.letters) - set(product.result)
    if not gone:
        return _multiplied(graph, product, product.result)
    if set(left.letters) == set(right.letters):
        return _summed(graph, product, _multiplied(graph, product, left.letters), gone)
    return _rows(graph, product) or _pointwise(graph, product) or _matrices(graph, product)


def _pointwise(graph: ir.Graph, product: _Product) -> _Operand | None:
    """Return an image times a constant matrix over one axis, as a 1×1 convolution, or None."""
    (image, matrix), node = product.operands, product.node
    taken = set(image.letters) & set(matrix.letters)
    if not edit.is_constant(matrix.value) or len(image.letters) != 4 or len(matrix.letters) != 2:
        return None
    if len(taken) != 1 or taken & set(image.letters[0] + product.result):
        return None
    (channel,) = taken
    given = matrix.letters.replace(channel, "")
    batch, rest = image.letters[0], image.letters[1:].replace(channel, "")
    weight = edit.contents(matrix.value)
    weight = weight if matrix.letters == given + channel else weight.T
    source = _ordered(graph, product, image, batch + channel + rest)
    output = edit.insert_convolution(graph, node, source, weight, f"{node.name}.pointwise")
    return _shaped(product, output, batch + given + rest)


def _rows(graph: ir.Graph, product: _Product) -> _Operand | None:
    """Return the product of the last axis with a constant matrix, or None."""
    (rows, matrix), name = product.operands, product.node.name
    taken = rows.letters[-1:]
    if (
        not edit.is_constant(matrix.value)
        or len(matrix.letters) != 2
        or taken not in matrix.letters
    ):
        return None
    given = matrix.letters.replace(taken, "")
    if given in rows.letters or product.result != rows.letters[:-1] + given:
        return None
    weight = edit.contents(matrix.value)
    table = weight if matrix.letters == taken + given else weight.T
    constant = edit.add_constant(graph, f"{name}.matrix", table)
    inputs = [rows.value, constant]
    output = edit.insert_node(graph, product.node, "MatMul", inputs, {}, f"{name}.rows")
    return _shaped(product, output, product.result)


def _multiplied(graph: ir.Graph, product: _Product, result: str) -> _Operand:
    """Return the elementwise product with broadcasting, without a sum."""
    sides = [_with_axes_of(graph, product, operand, result) for operand in product.operands]
    output = edit.insert_node(graph, product.node, "Mul", sides, {}, f"{product.node.name}.product")
    return _shaped(product, output, result)


def _with_axes_of(graph: ir.Graph, product: _Product, operand: _Operand, result: str) -> ir.Value:
    """Return an operand with all axes of a result, of length 1 where it has none."""
    letters = "".join(letter for letter in result if letter in operand.letters)
    absent = [axis for axis, letter in enumerate(result) if letter not in letters]
    name = f"{product.node.name}.spread"
    if edit.is_constant(operand.value):
        order = [operand.letters.index(letter) for letter in letters]
        values = np.expand_dims(edit.contents(operand.value).transpose(order), tuple(absent))
        return edit.add_constant(graph, name, values)
    value = _ordered(graph, product, operand, letters)
    if not absent:
        return value
    inputs = [value, edit.add_constant(graph, f"{name}.axes", np.array(absent, np.int64))]
    unsqueezed = edit.insert_node(graph, product.node, "Unsqueeze", inputs, {}, name)
    lengths = [product.lengths[letter] if letter in letters else 1 for letter in result]
    unsqueezed.shape = ir.Shape(lengths)
    return unsqueezed


def _matrices(graph: ir.Graph, product: _Product) -> _Operand | None:
    """Return the product of both operands as (b, l, s) and (b, s, r), or None."""
    left, right = (operand.letters for operand in product.operands)
    shared = "".join(a for a in left if a in right and a in product.result)
    summed = "".join(a for a in left if a in right and a not in product.result)
    rows, columns = ("".join(a for a in one if a not in other) for one, other in
                     ((left, right), (right, left)))  # fmt: skip
    groups = (rows, summed, columns)
    flat = any(len(group) != 1 for group in groups)
    if flat and any(product.size(group) is None for group in (shared, *groups)):
        if rows and columns:
            return None
        longer = left if rows else right
        return _summed(graph, product, _multiplied(graph, product, longer), set(summed))
    name = product.node.name
    sides = [
        _matrix(graph, product, index, [shared, *order], flat, f"{name}.{side}")
        for index, order, side in ((0, (rows, summed), "left"), (1, (summed, columns), "right"))
    ]
    output = edit.insert_node(graph, product.node, "MatMul", sides, {}, f"{name}.product")
    letters = shared + rows + columns
    if not flat:
        return _shaped(product, output, letters)
    output.shape = ir.Shape([product.size(group) or 0 for group in (shared, rows, columns)])
    lengths = [product.size(letter) or 0 for letter in letters]
    whole = edit.insert_reshape(graph, product.node, output, lengths, f"{name}.whole")
    return _Operand(whole, letters)


def _matrix(
    graph: ir.Graph, product: _Product, index: int, groups: list[str], flat: bool, name: str
) -> ir.Value:
    """Return an operand with its axes in groups, each group flattened to one axis where `flat`."""
    value = _ordered(graph, product, product.operands[index], "".join(groups))
    if not flat:
        return value
    sizes = [product.size(group) or 0 for group in groups]
    return edit.insert_reshape(graph, product.node, value, sizes, name)


def _ordered(graph: ir.Graph, product: _Product, operand: _Operand, letters: str) -> ir.Value:
    """Return an operand with its axes permuted to `letters`."""
    if operand.letters == letters:
        return operand.value
    order = [operand.letters.index(letter) for letter in letters]
    name = f"{product.node.name}.order"
    turned = edit.insert_node(
        graph, product.node, "Transpose", [operand.value], {"perm": order}, name
    )
    return _shaped(product, turned, letters).value


def _summed(graph: ir.Graph, product: _Product, operand: _Operand, gone: set[str]) -> _Operand:
    """Return an operand summed over some axes."""
    if not gone:
        return operand
    name, letters = product.node.name, operand.letters
    axes = np.array(sorted(letters.index(letter) for letter in gone), np.int64)
    inputs = [operand.value, edit.add_constant(graph, f"{name}.axes", axes)]
    total = edit.insert_node(
        graph, product.node, "ReduceSum", inputs, {"keepdims": 0}, f"{name}.sum"
    )
    return _shaped(product, total, "".join(a for a in letters if a not in gone))


def _shaped(product: _Product, value: ir.Value, letters: str) -> _Operand:
    value.shape = ir.Shape([product.lengths[letter] for letter in letters])
    return _Operand(value, letters)


def _read(node: ir.Node) -> _Product | None:
    """Return the product that an Einsum computes, or None if the pass does not cover it."""
    values = [value for value in node.inputs if value is not None and value.shape is not None]
    if len(values) != len(node.inputs):
        return None
    equation = (node.attributes.get_string("equation", "") or "").replace(" ", "")
    written, arrow, result = equation.partition("->")
    terms, spare = written.split(","), [a for a in string.ascii_letters if a not in equation]
    hidden = [
        len(v.shape or ()) - len(t.replace("...", "")) for t, v in zip(terms, values, strict=True)
    ]
    terms = [t.replace("...", _dots(spare, n)) for t, n in zip(terms, hidden, strict=True)]
    dots = _dots(spare, max(n for n in (0, *hidden)))
    if not arrow:
        once = sorted(a for a in set(written) - set(",.") if written.count(a) == 1)
        result = "..." + "".join(once)
    result = result.replace("...", dots)
    lengths = _lengths(terms, values)
    if lengths is None or any(len(set(term)) != len(term) for term in (*terms, result)):
        return None
    operands = tuple(_Operand(v, t) for v, t in zip(values, terms, strict=True))
    return _Product(node, operands, result, lengths)


def _dots(spare: list[str], count: int) -> str:
    """Return letters for the axes of "...", aligned at the last axis in all operands."""
    return "".join(spare[:count][::-1])


def _lengths(terms: list[str], values: list[ir.Value]) -> dict[str, Length] | None:
    """Return the length of each axis by its letter, or None if an axis is broadcast."""
    lengths: dict[str, Length] = {}
    for term, value in zip(terms, values, strict=True):
        for letter, length in zip(term, value.shape or (), strict=True):
            known = lengths.setdefault(letter, length)
            if known == length:
                continue
            if isinstance(known, int) and isinstance(length, int):
                return None
            lengths[letter] = known if isinstance(known, int) else length
    return lengths
