# Pickles of all protocols, whole and mutated, and what Python's own reader makes of each: one line of JSON for each.
#
# Nothing is called: every name is answered with a stub. Run by pickletools.rs as `python3 python_reader.py SEED COUNT`.
import collections, contextlib, datetime, decimal, fractions, io, json, pickle, random, sys
import pickletools
import resource

resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30))
rng = random.Random(int(sys.argv[1]))


class Stub:
    def __init__(self, *args, **keywords): pass
    def __call__(self, *args, **keywords): return Stub()
    def __setstate__(self, state): pass
    def __setitem__(self, key, value): pass
    def append(self, item): pass
    def extend(self, items): pass
    def add(self, item): pass


class Reader(pickle._Unpickler):
    def __init__(self, data):
        self.seen = []
        super().__init__(io.BytesIO(data))

    def find_class(self, module, name):
        self.seen.append([module, name])
        return Stub

    def persistent_load(self, pid):
        self.seen.append(["", "persistent id"])
        return Stub()

    def get_extension(self, code):
        self.seen.append(["", "extension"])
        self.append(Stub)


def thing(depth):
    kinds = 9 if depth > 3 else 19
    kind = rng.randrange(kinds)
    few = lambda: [thing(depth + 1) for _ in range(rng.randrange(5))]
    word = lambda: "".join(rng.choice("aé\\\n'\u20ac\U0001f600b0") for _ in range(rng.choice([0, 3, 300])))
    if kind == 0: return None
    if kind == 1: return rng.random() < 0.5
    if kind == 2: return rng.choice([0, -1, 255, 256, 65536, -2**31, 2**31, 2**63, -2**2100, 7])
    if kind == 3: return rng.choice([0.0, -1.5, 1e300, float("inf"), float("nan")])
    if kind == 4: return word()
    if kind == 5: return word().encode("utf-8", "surrogatepass")
    if kind == 6: return bytearray(b"x" * rng.choice([0, 5, 300]))
    if kind == 7: return rng.choice([len, collections.OrderedDict, datetime.date, int, io.BytesIO])
    if kind == 8: return rng.choice([datetime.date(2026, 1, 2), decimal.Decimal("1.5"), fractions.Fraction(1, 3), 3 + 4j, range(3)])
    if kind in (9, 10): return few()
    if kind in (11, 12): return tuple(few())
    if kind in (13, 14): return {word() or rng.randrange(99): value for value in few()}
    if kind == 15: return {rng.randrange(99) for _ in range(rng.randrange(4))}
    if kind == 16: return frozenset(rng.randrange(99) for _ in range(rng.randrange(4)))
    if kind == 17:
        shared = few()
        return [shared, shared, (shared, shared)]
    made = collections.OrderedDict((str(at), value) for at, value in enumerate(few()))
    return made


def mutated(data):
    data = bytearray(data)
    for _ in range(rng.choice([1, 1, 2, 4])):
        at = rng.randrange(len(data))
        how = rng.randrange(5)
        if how == 0: data[at] = rng.randrange(256)
        elif how == 1: data[at] = rng.choice(b"(.012FIJKLMNPQRSTUVXabcd}eghijl]opqrstu)GBC" + bytes(range(0x80, 0x99)))
        elif how == 2: del data[at:at + rng.choice([1, 1, 3, 40])]
        elif how == 3: data[at:at] = bytes([rng.choice(b"(.012NRbdelopstu)]}\x81\x85\x86\x87\x8f\x90\x91\x92\x93\x94")])
        else: data[at:at] = data[at:at + 20]
        if not data: return b"."
    return bytes(data)


def judged(data, whole):
    opcodes, is_read = [], True
    try:
        for opcode, _, at in pickletools.genops(data):
            opcodes.append([at, opcode.name])
    except Exception:
        is_read = False
    is_sound = False
    if is_read:
        try:
            pickletools.dis(data, out=io.StringIO())
            is_sound = True
        except Exception:
            pass
    reader = Reader(data)
    try:
        reader.load()
    except (Exception, RecursionError):
        pass
    print(json.dumps({"hex": data.hex(), "whole": whole, "opcodes": opcodes, "sound": is_sound, "seen": reader.seen}))


for _ in range(int(sys.argv[2])):
    value = thing(0)
    for protocol in range(6):
        data = pickle.dumps(value, protocol)
        judged(data, True)
        for _ in range(8):
            judged(mutated(data), False)
