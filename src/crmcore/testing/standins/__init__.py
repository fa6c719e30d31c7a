"""Stand-ins for the carriers over HTTP: what Meta, FCM, APNs and a web push service are documented to do, on loopback."""
