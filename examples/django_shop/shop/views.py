"""Looking around, placing an order, and what the CRM makes of it."""

import json

from django.db import transaction
from django.forms import modelform_factory
from django.http import HttpRequest, JsonResponse
from django.views.decorators.http import require_GET, require_POST

from crmcore import Money
from crmcore.errors import UnknownCustomer
from shop.crm import crm, in_this_transaction
from shop.models import Order, OutOfStock, Product

OrderForm = modelform_factory(Order, fields=["email", "product", "quantity"])


@require_GET
def products(_request: HttpRequest) -> JsonResponse:
    """Show what there is to buy."""
    return JsonResponse({one.key: {"price": one.price, "stock": one.stock} for one in Product.objects.all()})


@require_POST
def place(request: HttpRequest) -> JsonResponse:
    """Place an order, {"email": ..., "product": ..., "quantity": ...}; what is refused leaves no trace anywhere."""
    form = OrderForm(json.loads(request.body))
    if not form.is_valid():
        return JsonResponse({"refused": form.errors}, status=400)
    try:
        with transaction.atomic():
            order = form.save()
            tell(order)
            order.product.take(order.quantity)
    except OutOfStock:
        return JsonResponse({"refused": f"there is not enough {order.product} left"}, status=409)
    return JsonResponse({"ref": str(order)}, status=201)


def tell(order: Order) -> None:
    """Tell the CRM of an order, in the transaction that writes it."""
    customer, paid = {"email": order.email}, Money(order.quantity * order.product.price, "EUR")
    said = in_this_transaction()
    said.track("order_placed", customer, ref=str(order), amount=paid)
    said.track("item_ordered", customer, ref=str(order), item=order.product.key, quantity=order.quantity, amount=paid)


@require_GET
def customer(_request: HttpRequest, email: str) -> JsonResponse:
    """Show what the CRM knows of a customer: how often something happened, and for how many cents."""
    try:
        found = crm.customer({"email": email})
    except UnknownCustomer as error:
        return JsonResponse({"refused": str(error)}, status=404)
    return JsonResponse({one.name: {"count": one.count, "amount": one.amount} for one in found.sums})
