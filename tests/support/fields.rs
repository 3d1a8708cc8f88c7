//! What Envoy does to a request's fields when it is told of changes.

use std::fmt::Debug;

use postern::request::Mutation;

/// Names and values are text or bytes.
pub fn apply<T>(mutations: Vec<Mutation>, fields: &mut Vec<(T, T)>)
where
    T: AsRef<[u8]> + TryFrom<Vec<u8>, Error: Debug>,
{
    let made = |bytes: &[u8]| T::try_from(bytes.to_vec()).expect("text where the fields are text");
    for mutation in mutations {
        match mutation {
            Mutation::Remove(name) => fields.retain(|(field, _)| *field.as_ref() != *name),
            Mutation::Set(name, value) => {
                let is_it = |field: &T| field.as_ref() == name.as_bytes();
                match fields.iter().position(|(field, _)| is_it(field)) {
                    Some(first) => {
                        fields[first].1 = made(&value);
                        // All that stood under the name are replaced.
                        let mut place = 0..;
                        fields.retain(|(field, _)| place.next() <= Some(first) || !is_it(field));
                    }
                    None => fields.push((made(name.as_bytes()), made(&value))),
                }
            }
            Mutation::Add(name, value) => {
                let is_there = fields.iter().any(|(field, _)| field.as_ref() == name.as_bytes());
                assert!(!is_there, "{name} is there already");
                fields.push((made(name.as_bytes()), made(&value)));
            }
        }
    }
}
