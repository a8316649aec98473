"""The one list of projections."""

from application.projections.access import access
from application.projections.catalogue import catalogue
from application.projections.plans import plans

PROJECTIONS = {projection.name: projection for projection in (access, catalogue, plans)}
