"""The forms of signing up and in. What is acceptable is decided by ``accounts.users``; here only shape and words."""

from django import forms

PASSWORD_LENGTH_LIMIT = 256


class SignUpForm(forms.Form):
    email = forms.EmailField(
        label="E-mail", max_length=254, widget=forms.EmailInput(attrs={"autocomplete": "email", "autofocus": True})
    )
    password = forms.CharField(
        label="Password",
        strip=False,
        max_length=PASSWORD_LENGTH_LIMIT,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password", "minlength": 8}),
        help_text="At least 8 characters, not only digits, not a common one.",
    )


class SignInForm(forms.Form):
    email = forms.EmailField(
        label="E-mail", max_length=254, widget=forms.EmailInput(attrs={"autocomplete": "username", "autofocus": True})
    )
    password = forms.CharField(
        label="Password",
        strip=False,
        max_length=PASSWORD_LENGTH_LIMIT,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )
