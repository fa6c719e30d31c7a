"""Where the shop's pages are."""

from django.urls import path

from shop import views

urlpatterns = [
    path("", views.products),
    path("orders", views.place),
    path("customers/<str:email>", views.customer),
]
