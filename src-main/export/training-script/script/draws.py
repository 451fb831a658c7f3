# ---- Random numbers: Philox 4x32-10 (Salmon et al. 2011), keyed by seed, stream and position -------------------------------------------


def philox(seed, position, use, stream):
    """uint32 [4,N] for positions [N]."""
    low = np.uint64(0xFFFFFFFF)
    shift = np.uint64(32)
    position, use = np.broadcast_arrays(np.asarray(position, np.uint64), np.asarray(use, np.uint64))
    counter = [position, use, np.full_like(position, stream & 0xFFFFFFFF), np.full_like(position, stream >> 32)]
    keys = [seed & 0xFFFFFFFF, seed >> 32]
    for _ in range(10):
        products = [np.uint64(0xD2511F53) * counter[0], np.uint64(0xCD9E8D57) * counter[2]]
        counter = [(products[1] >> shift) ^ counter[1] ^ np.uint64(keys[0]), products[1] & low, (products[0] >> shift) ^ counter[3] ^ np.uint64(keys[1]), products[0] & low]
        keys = [(keys[0] + 0x9E3779B9) & 0xFFFFFFFF, (keys[1] + 0xBB67AE85) & 0xFFFFFFFF]
    return np.stack(counter)


def order_of(count, turn):
    """The samples of a round (from 1): a shuffle of Fisher and Yates, with unbiased whole numbers (Lemire 2019)."""
    order = np.arange(count)
    if not RECIPE["train"]["shuffle"]:
        return order
    seed, stream = RECIPE["train"]["seed"], 2**40 + turn
    at = np.arange(1, count)
    drawn = philox(seed, at, 0, stream)[0] * (at + 1).astype(np.uint64)
    for i in range(count - 1, 0, -1):
        product, attempt = int(drawn[i - 1]), 0
        while (product & 0xFFFFFFFF) < (2**32 - (i + 1)) % (i + 1):
            attempt += 1
            product = int(philox(seed, [i], attempt, stream)[0][0]) * (i + 1)
        j = product >> 32
        order[i], order[j] = order[j], order[i]
    return order


def drawing_of(turn):
    """Each round draws anew, or the same again after `views` of them."""
    views = RECIPE["augment"]["views"]
    return turn if views is None else (turn - 1) % views + 1


# [if uniforms]
def uniforms(samples, stream):
    """[N] numbers in 0 ... 1, each of which depends on its sample and the stream alone."""
    bits = philox(RECIPE["train"]["seed"], samples >> 2, 0, stream)[samples & 3, np.arange(len(samples))]
    return np.minimum((bits * 2.0**-32).astype(np.float32), np.float32(1 - 2**-24)).astype(np.float64)


# [end]
# [if rectangles]
def rectangles(samples, stream, area, share, ratio, least, most):
    """[N,2]: sides of a rectangle that has a random share of an area [N] and a random ratio of its first side to the second: of ten attempts the first whose sides
    are in `least` ... `most` [N,2], as torchvision draws it; -1 where there is none. Two streams are left out, for its place."""
    sides = np.full((len(samples), 2), -1)
    for attempt in range(10):
        waiting = np.flatnonzero(sides[:, 0] < 0)
        u, v = (uniforms(samples[waiting], stream + 2 + 2 * attempt + i) for i in (0, 1))
        target = area[waiting] * (share[0] + u * (share[1] - share[0]))
        of = np.exp(math.log(ratio[0]) + v * (math.log(ratio[1]) - math.log(ratio[0])))
        drawn = np.floor(np.sqrt(np.stack([target * of, target / of], 1)) + 0.5).astype(np.int64)
        fits = ((drawn >= least) & (drawn <= most[waiting])).all(1)
        sides[waiting[fits]] = drawn[fits]
    return sides


def place_of(samples, stream, room):
    """[N,2]: top and left, each in 0 ... room."""
    return np.floor(np.stack([uniforms(samples, stream), uniforms(samples, stream + 1)], 1) * (room + 1)).astype(np.int64)


def with_rectangles(samples, views, turn):
    """[N,9]: top, left and flip, then height and width of the crop, and top, left, height and width of what is erased in it."""
    side, stream = SETTINGS["side"], 2**51 + drawing_of(turn) * 2**10
    place, sizes, erased = views[:, :2], np.full((len(samples), 2), side), np.zeros((len(samples), 4), np.int64)
    # [if resizedCrop]
    # torchvision.transforms.RandomResizedCrop, whose first side is the width; the whole image where no attempt fits.
    drawn = rectangles(samples, stream, np.full(len(samples), side**2), (RECIPE["augment"]["resizedCrop"], 1), (3 / 4, 4 / 3), 1, sizes)
    sizes = np.where(drawn < 0, side, drawn)[:, ::-1]
    place = place_of(samples, stream, side - sizes)
    # [end]
    # [if erase]
    # torchvision.transforms.RandomErasing
    chosen = uniforms(samples, stream + 2**9) < RECIPE["augment"]["erase"]
    drawn = rectangles(samples, stream + 2**9 + 1, sizes.prod(1), (0.02, 0.33), (0.3, 3.3), 0, sizes - 1)
    box = np.concatenate([place_of(samples, stream + 2**9 + 1, sizes - drawn), drawn], 1)
    erased = np.where((chosen & (drawn[:, 0] >= 0))[:, None], box, 0)
    # [end]
    return np.concatenate([place, views[:, 2:], sizes, erased], 1)


# [end]
def views_of(samples, turn):
    """[N,3]: top and left of each sample's crop, in -crop ... crop, and whether it is flipped."""
    crop, flip = (RECIPE["augment"][name] for name in ("crop", "flip"))
    bits = philox(RECIPE["train"]["seed"], samples, 0x76696577, drawing_of(turn))
    offsets = [((bits[i] * np.uint64(2 * crop + 1)) >> np.uint64(32)).astype(np.int64) - crop for i in (0, 1)]
    views = np.stack([*offsets, (bits[2] & np.uint64(1)).astype(np.int64) * flip], 1)
    # [if rectangles]
    views = with_rectangles(samples, views, turn)
    # [end]
    return views


# [if mixed]
def normals(samples, stream):
    """[N] numbers with mean 0 and deviation 1 (Box and Muller 1958)."""
    bits, first = philox(RECIPE["train"]["seed"], samples >> 2, 0, stream), samples & 2
    a, b = (bits[first + i, np.arange(len(samples))] * 2.0**-32 for i in (0, 1))
    angle = 2 * np.pi * b
    return (np.sqrt(-2 * np.log(a + 2.0**-32)) * np.where(samples & 1, np.sin(angle), np.cos(angle))).astype(np.float32).astype(np.float64)


def log_gamma(positions, alpha, stream):
    """[N] logarithms of draws from Gamma(alpha, 1) (Marsaglia and Tsang 2000); for alpha below 1 from their section 6."""
    d = (alpha + 1 if alpha < 1 else alpha) - 1 / 3
    logs, waiting = np.full(len(positions), math.log(d)), np.arange(len(positions))
    with np.errstate(divide="ignore", invalid="ignore"):
        for attempt in range(16):
            x, u = normals(positions[waiting], stream + 2 * attempt), uniforms(positions[waiting], stream + 2 * attempt + 1)
            v = (1 + x / math.sqrt(9 * d)) ** 3
            taken = (v > 0) & (np.log(u) < x**2 / 2 + d * (1 - v + np.log(v)))
            logs[waiting[taken]] = np.log(d * v[taken])
            waiting = waiting[~taken]
        return logs + np.maximum(np.log(uniforms(positions, stream + 32)) / alpha, -1e308) if alpha < 1 else logs


def beta(samples, alpha, stream):
    """[N] draws from Beta(alpha, alpha): X / (X + Y) of two gamma draws."""
    with np.errstate(over="ignore"):
        return 1 / (1 + np.exp(log_gamma(2 * samples + 1, alpha, stream) - log_gamma(2 * samples, alpha, stream)))


def mixing_of(samples, turn, count):
    """With what each sample is mixed: partners [N] and their views, the sample's shares [N], and boxes [N,4], top, left, height and width of what the partner
    covers of the image; all 0 where the two are blended."""
    stream = 2**50 + drawing_of(turn) * 2**10
    partners = np.floor(uniforms(samples, stream) * count).astype(np.int64)
    shares, boxes = np.zeros(len(samples)), np.zeros((len(samples), 4), np.int64)
    # [if mixup]
    drawn = beta(samples, RECIPE["augment"]["mixup"], stream + 1)
    shares = np.maximum(drawn, 1 - drawn)
    # [end]
    # [if cutmix]
    # Around a place, cut off at the border (Yun et al. 2019).
    side, stream = SETTINGS["side"], stream + 2**8
    half = np.floor(np.floor(side * np.sqrt(1 - beta(samples, RECIPE["augment"]["cutmix"], stream))) / 2)[:, None]
    centre = place_of(samples, stream + 2**6, side - 1)
    begin, end = np.maximum(0, centre - half), np.minimum(side, centre + half)
    covered = np.ones(len(samples), bool)
    # [if mixup]
    covered = uniforms(samples, stream + 2**6 + 2) >= 0.5  # either, with equal odds
    # [end]
    boxes = np.where(covered[:, None], np.concatenate([begin, end - begin], 1), 0).astype(np.int64)
    shares = np.where(covered, 1 - (end - begin).prod(1) / side**2, shares)
    # [end]
    return [partners, views_of(partners, turn), shares.astype(np.float32), boxes]


# [end]
class Plan:
    """Which samples a batch has, in which views. It goes through `count` samples in rounds; an epoch has `total` images, one round unless some are left out."""

    def __init__(self, count, total):
        self.count, self.total, self.turn = count, total, 0

    def batch(self, epoch, batch, size):
        """Samples [N], their views and, where images are mixed, with what; the epoch counts from 1, the batch from 0."""
        before = (epoch - 1) * self.total
        at, end, parts = before + batch * size, before + min((batch + 1) * size, self.total), []
        while at < end:
            if self.turn != at // self.count + 1:
                self.turn = at // self.count + 1
                self.order = order_of(self.count, self.turn)
            samples = self.order[at % self.count : at % self.count + end - at]
            drawn = [samples, views_of(samples, self.turn)]
            # [if mixed]
            drawn += mixing_of(samples, self.turn, self.count)
            # [end]
            parts.append(drawn)
            at += len(samples)
        return [np.concatenate(each) for each in zip(*parts)]
