"""What the shop sells, and to whom it sold it."""

from django.core.validators import MinValueValidator
from django.db import models


class OutOfStock(Exception):
    """There is less left than somebody wants."""


class Product(models.Model):
    """Something to buy; `price` in cents."""

    key = models.SlugField(primary_key=True)
    price = models.PositiveIntegerField()
    stock = models.PositiveIntegerField()

    def __str__(self) -> str:
        return self.key

    def take(self, quantity: int) -> None:
        """Take some out of the stock; raise OutOfStock."""
        enough = Product.objects.filter(pk=self.pk, stock__gte=quantity)
        if not enough.update(stock=models.F("stock") - quantity):
            raise OutOfStock


class Order(models.Model):
    """What a customer bought."""

    email = models.EmailField()
    product = models.ForeignKey(Product, on_delete=models.PROTECT)
    quantity = models.PositiveIntegerField(validators=[MinValueValidator(1)])

    def __str__(self) -> str:
        return f"order-{self.pk}"
