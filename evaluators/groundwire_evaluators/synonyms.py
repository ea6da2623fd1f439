"""Words that a paraphrase swaps without changing the fact: a short list, on purpose. Written for this project."""

from groundwire_evaluators.tokens import stem

GROUPS = (
    "complete finish end conclude", "begin start commence launch open", "tall high height", "big large huge great",
    "small little tiny", "buy purchase acquire", "sell sale", "get receive obtain gain",
    "show display demonstrate reveal",
    "help assist aid support", "use utilize employ", "make create produce build construct manufacture",
    "work function operate",
    "live reside inhabit inhabitant resident population person", "die death dead pass", "bear birth",
    "kill slay murder",
    "say state tell claim report note announce", "think believe consider", "need require must requirement",
    "allow permit let enable",
    "let rent lease", "show exhibit", "find discover locate", "fast quick rapid", "car vehicle automobile",
    "doctor physician",
    "child kid", "film movie", "picture photo photograph image", "job work occupation position",
    "company firm business corporation",
    "store shop", "restaurant eatery establishment diner", "meal food dish cuisine", "cost price fee charge",
    "cheap inexpensive affordable",
    "expensive costly pricey overpriced", "important significant key major main", "wrong incorrect mistaken",
    "right correct",
    "weekday monday friday", "weekend saturday sunday", "daily everyday", "yearly annual year", "monthly month",
    "weekly week",
    "return refund reimburse", "item product goods", "close shut end", "stop halt cease", "increase rise grow growth",
    "decrease fall drop decline reduce",
    "about approximately roughly nearly almost around", "also additionally", "offer provide give supply",
    "include contain feature consist comprise",
    "author writer write", "won win victory winner", "lead head leader", "country nation", "city town",
    "illness disease sickness",
    "medicine drug medication", "attack assault", "police officer cop", "school college university", "student pupil",
    "teach teacher instruct",
    "answer reply respond response", "ask request question", "choose select pick", "change modify alter",
    "fix repair", "break damage",
    "happen occur", "mean signify", "name call title", "place location site spot", "area region zone", "road street",
    "house home residence",
    "money cash fund", "law legislation rule", "lawyer attorney", "baby infant", "old elderly aged",
    "new recent latest", "common usual typical frequent",
    "reason cause due because", "result outcome effect", "problem issue trouble", "method way approach technique",
    "kind type sort",
    "part portion section", "number amount quantity", "speed rate pace", "warm hot heat", "cold cool chilly",
    "near close nearby", "far distant",
    "weight weigh", "length long", "width wide", "depth deep", "age old", "size big large", "stand rise tall high",
    "cover include span",
    "star rating", "review customer reviewer patron", "garage lot parking", "takeout takeaway carryout",
    "wifi internet wireless",
    "describe explain detail", "contact reach call", "send ship deliver delivery", "free complimentary", "join enter",
    "leave exit depart",
)  # fmt: skip
"""Words that say the same in most sentences, each group as one string."""


def _by_stem() -> dict[str, frozenset[str]]:
    table: dict[str, set[str]] = {}
    for group in GROUPS:
        members = {stem(word) for word in group.split()}
        for member in members:
            table.setdefault(member, set()).update(members)
    return {member: frozenset(others) for member, others in table.items()}


SYNONYMS = _by_stem()
"""Stem to the stems that can stand for it, itself included."""
