"""The plant in the words of docs/api.md."""

from __future__ import annotations

from api.answers import plant as answers
from books.parts import factor_row
from plant.site import ComparisonNode, ConverterNode, Input, LineNode, Site


def site(
    plant: Site,
    version: str,
    gas_basis: str,
) -> answers.Site:
    """What the plant is made of."""
    return answers.Site(
        id=plant.id,
        name=plant.name,
        version=version,
        simulated=plant.simulated,
        timezone=plant.timezone,
        grid=plant.grid,
        method=plant.method,
        window_s=plant.window_s,
        day_starts=plant.day_starts,
        shifts=plant.shifts,
        gas_basis=gas_basis,
        plan_kwh_per_day=plant.plan_kwh_per_day,
        sources=[
            answers.Source(
                id=source.id,
                name=source.name,
                kind=source.kind,
                carrier=source.carrier,
                unit=source.unit,
            )
            for source in plant.sources
        ],
        storages=storages(plant),
        buses=[
            answers.Bus(
                id=bus.id,
                name=bus.name,
                carrier=bus.carrier,
                unit=bus.unit,
            )
            for bus in plant.buses
        ],
        converters=[converter(plant, node) for node in plant.converters],
        lines=lines(plant),
        groups=groups(plant),
        comparisons=[comparison(plant, node) for node in plant.comparisons],
        meters=[answers.MeterName(id=meter.id, name=meter.name) for meter in plant.meters],
    )


def comparison(plant: Site, node: ComparisonNode) -> answers.Comparison:
    """A configured comparison, its lines by id."""
    return answers.Comparison(
        id=node.id,
        name=node.name,
        lines=[plant.lines[index].id for index in node.lines],
        figure=node.figure,
    )


def storages(plant: Site) -> list[answers.Storage]:
    """Batteries and tanks on a bus; what stands inside a line is a matter of that line."""
    return [
        answers.Storage(
            id=storage.id,
            name=storage.name,
            capacity_kwh=storage.capacity_kwh,
        )
        for storage in plant.storages
        if storage.line is None
    ]


def converter(plant: Site, node: ConverterNode) -> answers.Converter:
    """A converter with the ids of what it takes from and gives to."""
    return answers.Converter(
        id=node.id,
        name=node.name,
        takes_from=[feed(plant, given) for given in node.inputs],
        gives_to=[plant.buses[outlet.bus].id for outlet in node.outputs],
    )


def feed(plant: Site, given: Input) -> str:
    """The id of what a converter takes from; heat from around it has none."""
    if given.kind == "bus":
        return plant.buses[given.index].id

    if given.kind == "source":
        return plant.sources[given.index].id

    return "ambient"


def groups(plant: Site) -> list[answers.Group]:
    """Groups with the ids of their lines."""
    found = []

    for group in plant.groups:
        members = [line.id for line in plant.lines if line.group == group.id]
        found.append(
            answers.Group(
                id=group.id,
                name=group.name,
                lines=members,
            )
        )

    return found


def lines(plant: Site) -> list[answers.Line]:
    """All lines."""
    return [line(plant, node) for node in plant.lines]


def line(plant: Site, node: LineNode) -> answers.Line:
    """One line, with the meters of all that it draws."""
    carriers: list[str] = []
    meters: list[str] = []

    for draw in node.draws:
        carriers.append(plant.buses[draw.bus].carrier)
        meters.extend(plant.meters[meter].id for meter in draw.meters)

    return answers.Line(
        id=node.id,
        name=node.name,
        group=node.group,
        carriers=carriers,
        output_unit=node.unit,
        meters=meters,
    )


def meters_of(plant: Site, of: str) -> list[str]:
    """Meters behind a line or a group; all whose energy is booked, for the site."""
    if of == "site":
        return [meter.id for meter in plant.meters if meter.books]

    found = []

    for shown in lines(plant):
        if of in (shown.id, shown.group):
            found.extend(shown.meters)

    return found


def factors(plant: Site) -> list[answers.SourceFactors]:
    """Factors in force by source."""
    return [
        answers.SourceFactors(
            source=source.source,
            scope=source.scope,
            contract_share=source.contract_share,
            kwh_per_unit=source.kwh,
            kgce_per_unit=source.kgce,
            location=factor_row(source.location),
            market=factor_row(source.market),
        )
        for source in plant.properties
    ]
