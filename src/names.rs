//! Values that people write: enums with one name a variant, and other types with a text form.

/// Gives an enum a table of its names, `Display`, `FromStr` and serde by them. The first name of a variant is its own,
/// others are read too.
macro_rules! named {
    ($type:ident is $what:literal { $($name:literal $(or $other:literal)* => $variant:ident),* $(,)? }) => {
        impl $type {
            /// Every value with its name.
            pub const ALL: [(&'static str, Self); [$($name),*].len()] = [$(($name, Self::$variant)),*];

            /// Its name, as options and files write it.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name),*
                }
            }
        }

        impl std::fmt::Display for $type {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.name())
            }
        }

        impl std::str::FromStr for $type {
            type Err = String;

            fn from_str(text: &str) -> std::result::Result<Self, String> {
                match text {
                    $($name $(| $other)* => Ok(Self::$variant),)*
                    _ => Err(format!(concat!("`{}` is not ", $what, "; give one of {}"), text, [$($name),*].join(", "))),
                }
            }
        }

        $crate::names::by_text!($type);
    };
}

/// Writes a type to serde by its `Display` and reads it by its `FromStr`.
macro_rules! by_text {
    ($type:ident) => {
        impl serde::Serialize for $type {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> serde::Deserialize<'de> for $type {
            fn deserialize<D: serde::Deserializer<'de>>(
                deserializer: D,
            ) -> std::result::Result<Self, D::Error> {
                let text = <std::borrow::Cow<'de, str> as serde::Deserialize>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

pub(crate) use {by_text, named};
