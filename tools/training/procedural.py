"""Pictures made by chance: leaves, noise, strokes, hatching, cells, waves and fractals.

Variety matters more than any one generator (Baradad et al. 2021). Every generator takes a numpy Generator and a
side and returns side x side x 3 in [0, 1].
"""

import numpy as np
from PIL import Image, ImageDraw


def palette(rng, count):
    """Colours from one of three habits: free, around one hue, or few strong ones."""
    habit = rng.integers(3)
    if habit == 0:
        return rng.random((count, 3))
    base = rng.random(3)
    if habit == 1:
        return np.clip(base + rng.normal(0, 0.18, (count, 3)) + rng.normal(0, 0.2, (count, 1)), 0, 1)
    strong = rng.random((int(rng.integers(2, 5)), 3))
    return np.clip(strong[rng.integers(len(strong), size=count)] + rng.normal(0, 0.04, (count, 3)), 0, 1)


def spectrum(rng, side, slope=None):
    """Gray 1/f^slope noise, often stretched in one direction, 0 to 1."""
    slope = rng.uniform(0.6, 2.2) if slope is None else slope
    fy, fx = np.fft.fftfreq(side)[:, None], np.fft.rfftfreq(side)[None]
    angle, stretch = rng.uniform(0, np.pi), np.exp(rng.uniform(-1.5, 1.5) * (rng.random() < 0.5))
    u, v = fx * np.cos(angle) + fy * np.sin(angle), fy * np.cos(angle) - fx * np.sin(angle)
    radius = np.sqrt((u * stretch) ** 2 + (v / stretch) ** 2) + 1 / side
    field = np.fft.irfft2(np.fft.rfft2(rng.standard_normal((side, side))) * radius**-slope, (side, side))
    low, high = np.percentile(field, [1, 99])
    return np.clip((field - low) / (high - low + 1e-9), 0, 1)


def colour_map(rng, field):
    """A gray field through a random line of colours, sometimes in steps."""
    stops = palette(rng, int(rng.integers(2, 7)))
    if rng.random() < 0.3:
        field = np.floor(field * len(stops)) / len(stops)
    where = np.linspace(0, 1, len(stops))
    return np.stack([np.interp(field, where, stops[:, c]) for c in range(3)], -1)


def noise(rng, side):
    if rng.random() < 0.5:
        return colour_map(rng, spectrum(rng, side))
    mix = rng.normal(0, 1, (3, 3)) * 0.4 + np.eye(3)
    fields = np.stack([spectrum(rng, side, slope) for slope in rng.uniform(0.6, 2.0, 3)], -1) - 0.5
    return np.clip(fields @ mix + palette(rng, 1)[0], 0, 1)


def waves(rng, side):
    y, x = np.mgrid[:side, :side] / side
    field = np.zeros((side, side))
    for _ in range(rng.integers(1, 5)):
        angle, frequency = rng.uniform(0, 2 * np.pi), 10 ** rng.uniform(0.3, 1.6)
        bend = rng.uniform(0, 0.4) * spectrum(rng, side, 2.0)
        if rng.random() < 0.4:
            line = np.hypot(x - rng.random(), y - rng.random())
        else:
            line = x * np.cos(angle) + y * np.sin(angle)
        field += np.sin(2 * np.pi * frequency * (line + bend) + rng.uniform(0, 6))
    if rng.random() < 0.4:
        field = np.tanh(field * 4)
    low, high = field.min(), field.max()
    return colour_map(rng, (field - low) / (high - low))


def cells(rng, side):
    """Voronoi cells: flat, ridged or shaded."""
    count = int(10 ** rng.uniform(1.0, 2.6))
    centres = rng.random((count, 2)) * side
    y, x = np.mgrid[:side, :side].astype(np.float32)
    if rng.random() < 0.5:
        x, y = x + 30 * (spectrum(rng, side, 1.5) - 0.5), y + 30 * (spectrum(rng, side, 1.5) - 0.5)
    nearest, second = np.full((side, side), 1e9, np.float32), np.full((side, side), 1e9, np.float32)
    owner = np.zeros((side, side), int)
    for k, (cy, cx) in enumerate(centres):
        distance = (y - cy) ** 2 + (x - cx) ** 2
        closer = distance < nearest
        second = np.where(closer, nearest, np.minimum(second, distance))
        owner[closer] = k
        nearest = np.where(closer, distance, nearest)
    picture = palette(rng, count)[owner]
    if rng.random() < 0.6:
        edge = np.clip((np.sqrt(second) - np.sqrt(nearest)) / rng.uniform(1.5, 6), 0, 1)[..., None]
        picture = picture * edge + (1 - edge) * palette(rng, 1)[0]
    if rng.random() < 0.3:
        picture = picture * (0.6 + 0.4 * np.cos(np.sqrt(nearest) * rng.uniform(0.1, 1.5)))[..., None]
    return np.clip(picture, 0, 1)


def fractal(rng, side):
    """Julia sets, or the escape time of a random polynomial."""
    y, x = np.mgrid[:side, :side] / side * 2 - 1
    z = (x + 1j * y) * 10 ** rng.uniform(-0.5, 0.3) + complex(rng.uniform(-0.5, 0.5), rng.uniform(-0.5, 0.5))
    angle = rng.uniform(0, 2 * np.pi)
    c = 0.7885 * np.exp(1j * angle) * rng.uniform(0.8, 1.1)
    power, time = int(rng.integers(2, 5)), np.zeros((side, side))
    for _ in range(40):
        inside = np.abs(z) < 4
        z = np.where(inside, np.where(inside, z, 0) ** power + c, z)
        time += inside
    field = (time / time.max() * rng.uniform(1, 4)) % 1.0
    return colour_map(rng, field)


GROUNDS = [noise, waves, cells, fractal]


def leaves(rng, side):
    """Textured dead leaves: shapes of size r with p(r) ~ 1/r^3, each with a texture of its own, cover one another."""
    textures = [GROUNDS[rng.integers(3)](rng, side) for _ in range(rng.integers(2, 5))]
    picture, plain = textures[0].copy(), palette(rng, 64)
    share = rng.random()
    for _ in range(int(rng.integers(40, 260))):
        radius = np.clip(side * 0.03 / np.sqrt(rng.uniform(0.006, 1)), 2, side * 0.4)
        cy, cx, angle, ratio = rng.uniform(0, side), rng.uniform(0, side), rng.uniform(0, np.pi), rng.uniform(0.3, 1)
        top, bottom = int(max(0, cy - 1.5 * radius)), int(min(side, cy + 1.5 * radius + 1))
        left, right = int(max(0, cx - 1.5 * radius)), int(min(side, cx + 1.5 * radius + 1))
        y, x = np.mgrid[top:bottom, left:right]
        u = ((x - cx) * np.cos(angle) + (y - cy) * np.sin(angle)) / radius
        v = ((y - cy) * np.cos(angle) - (x - cx) * np.sin(angle)) / (radius * ratio)
        kind = rng.integers(3)
        inside = (u**2 + v**2 < 1) if kind == 0 else (np.maximum(abs(u), abs(v)) < 0.9)
        if kind == 2:
            inside = (abs(u) + abs(v)) < 1.1
        if rng.random() < share:
            fill = np.broadcast_to(plain[rng.integers(64)], inside.shape + (3,))
            fill = fill * (1 + rng.uniform(-0.4, 0.4) * v[..., None]) if rng.random() < 0.4 else fill
        else:
            fill = textures[rng.integers(len(textures))][top:bottom, left:right]
        picture[top:bottom, left:right][inside] = np.clip(fill, 0, 1)[inside]
    return picture


def strokes(rng, side):
    """Brush strokes that follow a smooth field of directions over a ground picture."""
    ground = GROUNDS[rng.integers(4)](rng, side)
    canvas = Image.fromarray((ground * 255).astype(np.uint8))
    pen = ImageDraw.Draw(canvas)
    field = spectrum(rng, side, rng.uniform(1.5, 2.5)) * 2 * np.pi * rng.uniform(0.3, 2) + rng.uniform(0, 6)
    length, width = rng.uniform(6, 40), rng.uniform(1, 9)
    colours = palette(rng, 12)
    own = rng.random() < 0.5
    for _ in range(int(rng.integers(300, 1500))):
        x, y = rng.uniform(0, side, 2)
        points = [(x, y)]
        colour = ground[int(y), int(x)] + rng.normal(0, 0.08, 3) if own else colours[rng.integers(12)] + rng.normal(0, 0.05)
        for _ in range(4):
            a = field[int(np.clip(y, 0, side - 1)), int(np.clip(x, 0, side - 1))]
            x, y = x + length / 4 * np.cos(a), y + length / 4 * np.sin(a)
            points.append((x, y))
        ink = tuple(int(v) for v in np.clip(colour, 0, 1) * 255)
        pen.line(points, fill=ink, width=max(1, int(rng.normal(width, width / 4))), joint="curve")
    return np.asarray(canvas) / 255.0


def hatching(rng, side):
    """Crossed families of thin lines, denser where a tone is dark; on paper or on a ground."""
    scale = 2
    tone = spectrum(rng, side, 1.8)
    paper = palette(rng, 1)[0] if rng.random() < 0.6 else None
    ground = GROUNDS[rng.integers(3)](rng, side) if paper is None else np.broadcast_to(paper, (side, side, 3))
    canvas = Image.fromarray((ground * 255).astype(np.uint8)).resize((side * scale, side * scale))
    pen = ImageDraw.Draw(canvas)
    for family in range(int(rng.integers(1, 4))):
        angle, gap = rng.uniform(0, np.pi), rng.uniform(3, 14)
        ink = tuple(int(v) for v in palette(rng, 1)[0] * 255)
        thick = int(rng.integers(1, 4))
        direction, normal = np.array([np.cos(angle), np.sin(angle)]), np.array([-np.sin(angle), np.cos(angle)])
        limit = rng.uniform(0.3, 1.1) * (1 - 0.2 * family)
        for offset in np.arange(-side, side, gap):
            base = np.array([side / 2, side / 2]) + normal * (offset + rng.normal(0, gap / 8))
            for start in np.arange(-side, side, 12):
                p = base + direction * start
                q = p + direction * 12 + rng.normal(0, 0.6, 2)
                if 0 <= p[0] < side and 0 <= p[1] < side and tone[int(p[1]), int(p[0])] < limit:
                    pen.line([tuple(p * scale), tuple(q * scale)], fill=ink, width=thick)
    return np.asarray(canvas.resize((side, side), Image.Resampling.BOX)) / 255.0


GENERATORS = [leaves, leaves, leaves, noise, waves, cells, fractal, strokes, strokes, hatching]


def make(seed, side=224):
    """One picture from one seed, as bytes; a third get fine relief or soft light on top."""
    rng = np.random.default_rng(seed)
    picture = GENERATORS[rng.integers(len(GENERATORS))](rng, side)
    if rng.random() < 0.25:
        picture = picture * (0.5 + 0.7 * spectrum(rng, side, 2.0))[..., None]
    if rng.random() < 0.15:
        picture = picture + rng.uniform(0, 0.3) * (spectrum(rng, side, 0.8) - 0.5)[..., None]
    return (np.clip(picture, 0, 1) * 255).astype(np.uint8)


def stack(count, seed, cache):
    """`count` pictures, kept in the file `cache` between runs."""
    if cache.exists():
        arrays = np.load(cache)
        if len(arrays) == count:
            return arrays
    from multiprocessing import Pool

    with Pool(2) as workers:
        arrays = np.stack(workers.map(make, [seed * 100_000 + k for k in range(count)], chunksize=8))
    cache.parent.mkdir(parents=True, exist_ok=True)
    np.save(cache, arrays)
    return arrays
