"""Align two photographs of one scene, taken by two cameras side by side, on one pixel grid.

The method of DPED (Ignatov et al., ICCV 2017, section 2): SIFT key points, a homography by RANSAC,
and the area that both photographs show. It uses OpenCV, which is imported here only.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from edge_imgq.errors import ImageError, RuntimeUnavailableError

try:
    import cv2
except ImportError as _error:
    raise RuntimeUnavailableError(
        "Aligning needs the package opencv-python-headless: pip install opencv-python-headless."
    ) from _error

if TYPE_CHECKING:
    from numpy.typing import NDArray

SEARCHED = 1200
"""Longest side, in pixels, of the reduced photographs in which key points are detected."""

KEY_POINTS = 4000
RATIO = 0.75
"""Lowe's ratio test: largest distance to the nearest descriptor relative to the second nearest."""

TOLERANCE = 3.0
"""Largest reprojection error of an inlier, in pixels of the reduced photograph."""

MIN_INLIERS = 25
"""Fewest inliers; photographs of two different scenes reach about ten by chance."""

MIN_OVERLAP = 0.15
"""Smallest share of the phone's photograph that the other one must show."""

MIN_CONTRAST = 1.0
"""Standard deviation, in levels of 255, below which a patch is too flat to be located."""

DRAWN = 60
"""Largest number of matches drawn, approximately."""


@dataclass(frozen=True)
class Alignment:
    """Two photographs cropped to their common area, on one pixel grid.

    Attributes:
        phone: the common area of the phone's photograph, uint8 (H, W, 3).
        other: the same area of the other photograph, resampled to the phone's pixels, uint8
            (H, W, 3).
        matches: number of key point matches.
        agreeing: number of those that are inliers of the homography.
        picture: both photographs side by side with lines between some inliers and a frame around
            the common area, uint8 (h, w, 3).
    """

    phone: NDArray[np.uint8]
    other: NDArray[np.uint8]
    matches: int
    agreeing: int
    picture: NDArray[np.uint8]


@dataclass(frozen=True)
class _Matches:
    """Matched points (N, 2), x first, in the pixels of each photograph."""

    phone: NDArray[np.float64]
    other: NDArray[np.float64]
    tolerance: float


def align(phone: NDArray[np.uint8], other: NDArray[np.uint8]) -> Alignment:
    """Resample one photograph onto the grid of another; crop both to their common area.

    Both are RGB, uint8 (H, W, 3), of any two sizes. A homography is estimated from SIFT matches by
    RANSAC. `phone` is only cropped; `other` is resampled by bicubic interpolation, after area
    averaging if it has over 1.5 times the resolution.

    Raises:
        ImageError: fewer than 25 key points (MIN_INLIERS) agree, the homography mirrors, or both
            show less than 15 % of the phone's photograph (MIN_OVERLAP).
    """
    matches = _match(phone, other)
    homography, agrees = _homography(matches)
    top, bottom, left, right = _common_rectangle(homography, other.shape[:2], phone.shape[:2])
    warped = _onto(other, homography, phone.shape[:2])
    overlap = (slice(top, bottom), slice(left, right))
    return Alignment(
        phone=phone[overlap],
        other=warped[overlap],
        matches=len(agrees),
        agreeing=int(agrees.sum()),
        picture=_picture(phone, other, matches, agrees, (top, bottom, left, right)),
    )


def _match(phone: NDArray[np.uint8], other: NDArray[np.uint8]) -> _Matches:
    positions, descriptors, scales = [], [], []
    for photo in (phone, other):
        scale = min(1.0, SEARCHED / max(photo.shape[:2]))
        gray = cv2.cvtColor(photo, cv2.COLOR_RGB2GRAY)
        small = cv2.resize(gray, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        points, described = cv2.SIFT.create(KEY_POINTS).detectAndCompute(small, None)
        if described is None or len(points) < MIN_INLIERS:
            raise ImageError(f"only {len(points)} key points were found in one of them")
        # The centre of the first pixel is at 0 on both grids.
        at = (np.array([point.pt for point in points]) + 0.5) / scale - 0.5
        positions.append(at)
        descriptors.append(described)
        scales.append(scale)
    pairs = cv2.BFMatcher().knnMatch(descriptors[1], descriptors[0], k=2)
    near = [one for one, second in pairs if one.distance < RATIO * second.distance]
    return _Matches(
        phone=positions[0][[match.trainIdx for match in near]].reshape(-1, 2),
        other=positions[1][[match.queryIdx for match in near]].reshape(-1, 2),
        tolerance=TOLERANCE / scales[0],
    )


def _homography(matches: _Matches) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Estimate the homography from the other photograph to the phone's, and its inlier mask."""
    agreeing = 0
    if len(matches.phone) >= MIN_INLIERS:
        matrix, mask = cv2.findHomography(
            matches.other, matches.phone, cv2.RANSAC, matches.tolerance
        )
        agreeing = 0 if matrix is None else int(mask.sum())
        if agreeing >= MIN_INLIERS:
            return matrix.astype(np.float64), mask.ravel().astype(bool)
    raise ImageError(
        f"{agreeing} of {len(matches.phone)} matches of key points agree, and {MIN_INLIERS} must"
    )


def _common_rectangle(
    homography: NDArray[np.float64], other: tuple[int, ...], phone: tuple[int, ...]
) -> tuple[int, int, int, int]:
    """Find a rectangle in the phone's photograph that both show: top, bottom, left and right."""
    height, width = other
    corners = np.array([[0, 0], [width - 1, 0], [width - 1, height - 1], [0, height - 1]], float)
    outline = cv2.perspectiveTransform(corners[None], homography)[0]
    to_next, to_opposite = (np.roll(outline, -step, 0) - outline for step in (1, 2))
    turned = to_next[:, 0] * to_opposite[:, 1] - to_next[:, 1] * to_opposite[:, 0]
    if not (turned > 0).all():
        raise ImageError("the homography turns one of them over, so the matches are chance")
    (x0, y0), (x1, y1), (x2, y2), (x3, y3) = outline
    left, right = max(0.0, x0, x3), min(phone[1] - 1.0, x1, x2)
    top, bottom = max(0.0, y0, y1), min(phone[0] - 1.0, y2, y3)
    # With strong rotation the corners of this rectangle lie outside: shrink it around its centre.
    while right > left and bottom > top and not _inside(outline, left, right, top, bottom):
        across, down = 0.02 * (right - left), 0.02 * (bottom - top)
        left, right, top, bottom = left + across, right - across, top + down, bottom - down
        if (right - left) * (bottom - top) < 1.0:
            break
    if max(0.0, right - left) * max(0.0, bottom - top) < MIN_OVERLAP * phone[0] * phone[1]:
        raise ImageError(f"they share less than {MIN_OVERLAP:.0%} of the phone's picture")
    return int(np.ceil(top)), int(bottom) + 1, int(np.ceil(left)), int(right) + 1


def _inside(
    outline: NDArray[np.float64], left: float, right: float, top: float, bottom: float
) -> bool:
    shape = outline.astype(np.float32)[:, None]
    corners = ((left, top), (right, top), (right, bottom), (left, bottom))
    return all(cv2.pointPolygonTest(shape, corner, True) > -0.5 for corner in corners)


def _onto(
    other: NDArray[np.uint8], homography: NDArray[np.float64], size: tuple[int, ...]
) -> NDArray[np.uint8]:
    """Resample a photograph to the phone's grid; a larger one is area-averaged against aliasing."""
    # Keep 1.5 times the phone's resolution, because the second resampling blurs too.
    share = min(1.0, 1.5 * float(np.sqrt(abs(np.linalg.det(homography[:2, :2])))))
    small = cv2.resize(other, None, fx=share, fy=share, interpolation=cv2.INTER_AREA)
    down, across = (
        large / few for large, few in zip(other.shape[:2], small.shape[:2], strict=True)
    )
    enlarge = np.array([[across, 0, (across - 1) / 2], [0, down, (down - 1) / 2], [0.0, 0.0, 1.0]])
    warped = cv2.warpPerspective(
        small, homography @ enlarge, (size[1], size[0]), flags=cv2.INTER_CUBIC,
        borderMode=cv2.BORDER_REPLICATE,
    )  # fmt: skip
    return np.asarray(warped, np.uint8)


def best_shift(
    patch: NDArray[np.float32], area: NDArray[np.float32]
) -> tuple[tuple[int, int], float]:
    """Locate a patch (h, w) in a larger area (H, W) by normalized cross-correlation.

    Both are float32 levels from 0 to 255. Offset (0, 0) is the area's top left corner.

    Returns:
        Offset (down, right) of the best match in whole pixels, and its correlation, -1 to 1; 1
        means equal up to brightness and contrast. A flat patch, whose standard deviation is below
        one level (MIN_CONTRAST), gives (0, 0) and 0.

    Raises:
        cv2.error: the patch is larger than the area.
    """
    if patch.std() < MIN_CONTRAST:
        return (0, 0), 0.0
    scores = cv2.matchTemplate(area, patch, cv2.TM_CCOEFF_NORMED)
    down, right = divmod(int(scores.argmax()), scores.shape[1])
    return (down, right), float(scores[down, right])


def _picture(
    phone: NDArray[np.uint8],
    other: NDArray[np.uint8],
    matches: _Matches,
    agrees: NDArray[np.bool_],
    overlap: tuple[int, int, int, int],
) -> NDArray[np.uint8]:
    """Draw evenly chosen inliers between reduced versions of both photographs."""
    height = 480
    scales = [height / photo.shape[0] for photo in (phone, other)]
    small = [
        cv2.resize(photo, (round(photo.shape[1] * scale), height), interpolation=cv2.INTER_AREA)
        for photo, scale in zip((phone, other), scales, strict=True)
    ]
    top, bottom, left, right = (round(edge * scales[0]) for edge in overlap)
    cv2.rectangle(small[0], (left, top), (right, bottom), (255, 255, 255), 2)
    picture = np.ascontiguousarray(np.hstack(small))
    chosen = np.flatnonzero(agrees)
    chosen = chosen[:: max(1, len(chosen) // DRAWN)]
    drawn = zip(matches.phone[chosen], matches.other[chosen], strict=True)
    for index, (one, two) in enumerate(drawn):
        start = tuple(int(value) for value in one * scales[0])
        end = tuple(int(value) for value in two * scales[1] + (small[0].shape[1], 0))
        colour = ((230, 60, 60), (60, 200, 90), (70, 120, 240), (240, 190, 40))[index % 4]
        cv2.line(picture, start, end, colour, 1, cv2.LINE_AA)
        cv2.circle(picture, start, 3, colour, -1, cv2.LINE_AA)
        cv2.circle(picture, end, 3, colour, -1, cv2.LINE_AA)
    return np.asarray(picture, np.uint8)
