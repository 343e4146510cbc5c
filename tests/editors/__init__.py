"""The real editors, driven as somebody drives them who sits in front of them. `make test-editors` installs them."""
