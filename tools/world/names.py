"""Names of the archipelago, from a small grammar: a beginning and an ending for each kind of thing.

Each kind has its own sound, as towns and people have in every country. A name that is a word of our
wordings or a well-known name of the real world is left out: see BLOCKED.
"""

BEGINNINGS = (
    "Bal Bel Bir Bor Bru Cal Cor Dal Del Dor Dru Fal Fen Fir Gal Gor Gru Hal Hel Hul Jal Jor Kal "
    "Kel Kir Kor Kru Lam Lor Lun Mal Mel Mor Mur Nal Nel Nor Nur Ol Or Pal Pel Por Pru Ral Rel "
    "Ror Rul Sal Sel Sor Sul Tal Tel Tor Tru Ul Val Vel Vor Vul Wal Wel Wor Yal Yor Zal Zel Zor"
).split()

ENDINGS = {
    "island": "andelo ephora imbre ossay unda".split(),
    "town": "mira dova stend wick olm barro quell".split(),
    "given": "bo dri ssa mek thi vun".split(),
    "family": "vask tosk lirn gwell skand mott".split(),
    "creature": "ock ibbet umph aster".split(),
    "star": "eon ixa arys".split(),
    "mineral": "ite ulim ash".split(),
    "event": "tamar ezin oth".split(),
    "ruin": "khet zur athum".split(),
    "law": "ban seth crum".split(),
    "festival": "ilia una ovey".split(),
    "steward": "drec mund phin".split(),
    "market": "gate row yard".split(),
    "dish": "opple uffin andy".split(),
    "guild": "hand tongs knot".split(),
    "word": "u esh ib om aku ez".split(),
    "ship": "wyn dancer heart".split(),
    "people": "ai uri".split(),
    "sea": "ane".split(),
}

# What the grammar could hit by accident: names and words that mean something to a reader.
BLOCKED = frozenset("""
    balboa balmy balsamic bella belle block bora borah boris borrow bruno calais calash calla
    calmott calwick cora cordoba cordova corfu corner corse dalai dallas dalmatia delhi delos
    delphin delta dock dora doris dorset dover druid fallon fenwick fiji firth galilee galway
    goroka gotham haldane halite hallow hallstatt halyard havana helena helsinki hock hull
    jalisco jordan kalash kelso kiribati korea kraken lamb lambda lima lock london lorca loriot
    luna lund malady malaga malawi mali mallow malmo malta maori marathon maria mary melba
    melbourne melody mila mira mock mongolia morass mordor moria mormon morocco morrow morsel
    mortar mother mural murcia nauru nelson nepal norite normandy norway norwich oldham ollie
    omaha oman orba orban oregon orlando oslo palau palermo palmira palmyra paris pelican pelmet
    pelota peru porto portugal prussia raleigh ralley relay rock romania rome rula salash salem
    salisbury salish samoa sandy seldon selma selwyn seth sock sorbet sorry sudan sultan talban
    talbot talley tallinn tally tammany tanna tartan tasmania telford telic telly tokyo tonga
    torah torino toronto torrid torso torus tribune troy tulip tunis turin ulm ulster ural
    valencia valetta valley velma verona vienna volley walden waldorf wales walker wallaby
    wellington wellworth welshman weston wolfe woolworth wordsworth wormwood worry worship yalta
    yorick york zambia zelda zoroaster
    """.split())


def syllables(kind):
    """The beginnings and endings of the names of a kind."""
    return BEGINNINGS, ENDINGS[kind]


def make_names(rng, kind, n, taken):
    """n different names of a kind; those taken (in lower case) are left out, and grow."""
    beginnings, endings = syllables(kind)
    found = []
    for beginning, ending in rng.mixed([(b, e) for b in beginnings for e in endings]):
        name = beginning + ending
        if len(found) == n:
            break
        if name.lower() not in BLOCKED and name.lower() not in taken:
            found.append(name)
            taken.add(name.lower())
    if len(found) < n:
        raise ValueError(f"the grammar has only {len(found)} names of the kind {kind}, not {n}")
    return found


def make_people(rng, n, taken):
    """n people with a given and a family name; no two have both names in common."""
    given = make_names(rng, "given", 60, taken)
    family = make_names(rng, "family", 60, taken)
    pairs = rng.some([(g, f) for g in given for f in family], n)
    return [f"{g} {f}" for g, f in pairs]
