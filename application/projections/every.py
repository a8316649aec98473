"""The one list of projections."""

from application.projections.access import access
from application.projections.accounts import accounts
from application.projections.catalogue import catalogue
from application.projections.graces import graces
from application.projections.payments import payments
from application.projections.plans import plans
from application.projections.subscriptions import subscriptions

PROJECTIONS = {
    projection.name: projection for projection in (access, accounts, catalogue, graces, payments, plans, subscriptions)
}
