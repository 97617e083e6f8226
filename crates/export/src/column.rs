//! Columns that grow row by row: name, type and values in one place.

use std::sync::Arc;

use arrow_array::builder::{BinaryBuilder, BooleanBuilder, PrimitiveBuilder, StringBuilder};
use arrow_array::types::{ArrowPrimitiveType, Int32Type, TimestampNanosecondType};
use arrow_array::{Array, ArrayRef, DictionaryArray, StringArray};
use arrow_schema::{DataType, Field, TimeUnit};
use tickring_event::{InstrumentId, Instruments};

/// A column as a table sees it.
pub(crate) trait Column: Send {
    /// Its name and type. Every column may be null: whether one is depends on the venue.
    fn field(&self) -> Field;

    /// Its rows so far, after which it is empty.
    fn take(&mut self) -> ArrayRef;
}

/// Integers, decimals or times.
pub(crate) struct Values<T: ArrowPrimitiveType> {
    name: &'static str,
    data_type: DataType,
    builder: PrimitiveBuilder<T>,
}

impl<T: ArrowPrimitiveType> Values<T> {
    /// A column of the type's own kind.
    pub(crate) fn new(name: &'static str) -> Self {
        Self::of(name, T::DATA_TYPE)
    }

    /// A column of a variant of the type.
    pub(crate) fn of(name: &'static str, data_type: DataType) -> Self {
        let builder = PrimitiveBuilder::new().with_data_type(data_type.clone());
        Self { name, data_type, builder }
    }

    pub(crate) fn push(&mut self, value: T::Native) {
        self.builder.append_value(value);
    }

    pub(crate) fn push_option(&mut self, value: Option<T::Native>) {
        self.builder.append_option(value);
    }

    pub(crate) fn len(&self) -> usize {
        self.builder.values_slice().len()
    }
}

impl<T: ArrowPrimitiveType> Column for Values<T> {
    fn field(&self) -> Field {
        Field::new(self.name, self.data_type.clone(), true)
    }

    fn take(&mut self) -> ArrayRef {
        Arc::new(self.builder.finish())
    }
}

/// Points in time, ns, UTC.
pub(crate) type Times = Values<TimestampNanosecondType>;

/// An empty column of times.
pub(crate) fn times(name: &'static str) -> Times {
    Values::of(name, DataType::Timestamp(TimeUnit::Nanosecond, Some("UTC".into())))
}

/// Words out of a short list.
pub(crate) struct Words {
    name: &'static str,
    builder: StringBuilder,
}

impl Words {
    pub(crate) fn new(name: &'static str) -> Self {
        Self { name, builder: StringBuilder::new() }
    }

    pub(crate) fn push(&mut self, word: Option<&str>) {
        self.builder.append_option(word);
    }
}

impl Column for Words {
    fn field(&self) -> Field {
        Field::new(self.name, DataType::Utf8, true)
    }

    fn take(&mut self) -> ArrayRef {
        Arc::new(self.builder.finish())
    }
}

/// Yes or no.
pub(crate) struct Marks {
    name: &'static str,
    builder: BooleanBuilder,
}

impl Marks {
    pub(crate) fn new(name: &'static str) -> Self {
        Self { name, builder: BooleanBuilder::new() }
    }

    pub(crate) fn push(&mut self, mark: bool) {
        self.builder.append_value(mark);
    }
}

impl Column for Marks {
    fn field(&self) -> Field {
        Field::new(self.name, DataType::Boolean, true)
    }

    fn take(&mut self) -> ArrayRef {
        Arc::new(self.builder.finish())
    }
}

/// Frames as they were recorded.
pub(crate) struct Texts {
    name: &'static str,
    builder: BinaryBuilder,
}

impl Texts {
    pub(crate) fn new(name: &'static str) -> Self {
        Self { name, builder: BinaryBuilder::new() }
    }

    pub(crate) fn push(&mut self, text: Option<&[u8]>) {
        self.builder.append_option(text);
    }

    pub(crate) fn bytes(&self) -> usize {
        self.builder.values_slice().len()
    }
}

impl Column for Texts {
    fn field(&self) -> Field {
        Field::new(self.name, DataType::Binary, true)
    }

    fn take(&mut self) -> ArrayRef {
        Arc::new(self.builder.finish())
    }
}

/// Symbols, as positions in a dictionary that is the table of instruments and grows with it.
pub(crate) struct Symbols {
    keys: PrimitiveBuilder<Int32Type>,
    words: Arc<StringArray>,
    instruments: Arc<Instruments>,
}

impl Symbols {
    pub(crate) fn new(instruments: Arc<Instruments>) -> Self {
        let words = Arc::new(StringArray::new_null(0));
        Self { keys: PrimitiveBuilder::new(), words, instruments }
    }

    pub(crate) fn push(&mut self, instrument: InstrumentId) {
        let key = if instrument.is_none() { None } else { i32::try_from(instrument.index()).ok() };
        self.keys.append_option(key);
    }
}

impl Column for Symbols {
    fn field(&self) -> Field {
        let keys = Box::new(DataType::Int32);
        Field::new("symbol", DataType::Dictionary(keys, Box::new(DataType::Utf8)), true)
    }

    fn take(&mut self) -> ArrayRef {
        // The same array as long as nothing is new, so that a stream sends it once.
        if self.instruments.iter().count() > self.words.len() {
            let symbols = self.instruments.iter().map(|(_, it)| it.symbol());
            self.words = Arc::new(StringArray::from_iter_values(symbols));
        }
        let words: ArrayRef = Arc::clone(&self.words) as ArrayRef;
        let symbols = DictionaryArray::try_new(self.keys.finish(), words);
        Arc::new(symbols.expect("no event is taken whose instrument is not in the table"))
    }
}
