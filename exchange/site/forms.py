"""The forms of signing up and in and of the settings. What is acceptable is decided in ``accounts``; here only shape and words."""

from django import forms

PASSWORD_LENGTH_LIMIT = 256
CODE_LENGTH_LIMIT = 32
NEW_PASSWORD_HELP = "At least 8 characters, not only digits, not a common one."  # noqa: S105


def _address(**attributes: object) -> forms.EmailField:
    return forms.EmailField(label="E-mail", max_length=254, widget=forms.EmailInput(attrs=attributes))


def _password(label: str = "Password", *, new: bool = False) -> forms.CharField:
    attributes = {"autocomplete": "new-password", "minlength": 8} if new else {"autocomplete": "current-password"}
    return forms.CharField(
        label=label,
        strip=False,
        max_length=PASSWORD_LENGTH_LIMIT,
        widget=forms.PasswordInput(attrs=attributes),
        help_text=NEW_PASSWORD_HELP if new else "",
    )


def _code(label: str, help_text: str = "") -> forms.CharField:
    attributes = {"autocomplete": "one-time-code", "inputmode": "numeric", "autofocus": True}
    return forms.CharField(
        label=label, max_length=CODE_LENGTH_LIMIT, widget=forms.TextInput(attrs=attributes), help_text=help_text
    )


class SignUpForm(forms.Form):
    email = _address(autocomplete="email", autofocus=True)
    password = _password(new=True)


class SignInForm(forms.Form):
    email = _address(autocomplete="username", autofocus=True)
    password = _password()


class AddressForm(forms.Form):
    email = _address(autocomplete="username", autofocus=True)


class MailedCodeForm(forms.Form):
    code = _code("Code from the mail", "Six digits. Good for ten minutes.")


class NewAddressForm(forms.Form):
    email = _address(autocomplete="email")
    password = _password("Password")


class NewAddressCodeForm(MailedCodeForm):
    email = forms.EmailField(max_length=254, widget=forms.HiddenInput)


class FactorForm(forms.Form):
    code = _code("Code", "Of your authenticator app; or one of your recovery codes.")


class NewPasswordForm(forms.Form):
    new_password = _password("New password", new=True)


class ChangePasswordForm(forms.Form):
    password = _password("Present password")
    new_password = _password("New password", new=True)


class AppForm(forms.Form):
    token = forms.CharField(max_length=500, widget=forms.HiddenInput)
    code = _code("Code that the app shows now")


class FirstAppForm(AppForm):
    """Without a factor yet, the password says that it is not only somebody with the browser at hand."""

    password = _password()
