//! A topic's id: librdkafka has it (`DescribeTopics`), the `rdkafka` crate does not hand it out yet.
//!
//! This is the one place outside `embedded` with unsafe code. Without the id, a topic that was deleted and made anew under
//! the same name could not be told from the one that progress refers to, once it had as many records; there is no safe way
//! to learn it. Everything that librdkafka hands us here is owned by a guard that gives it back exactly once.
#![expect(unsafe_code, reason = "the safe bindings lack DescribeTopics; see the module's documentation")]

use crate::TopicId;
use rdkafka::admin::AdminClient;
use rdkafka::bindings as rd;
use rdkafka::client::DefaultClientContext;
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use std::ffi::CString;
use std::ptr::NonNull;
use std::time::Duration;

/// What a broker says of a topic.
#[derive(Debug, Clone, Copy)]
pub(super) struct Description {
    pub id: TopicId,
    pub partitions: u32,
    /// The copies of the partition that has the fewest.
    pub copies: u32,
}

/// Something of librdkafka's that must be given back.
struct Owned<T> {
    pointer: NonNull<T>,
    destroy: unsafe extern "C" fn(*mut T),
}

impl<T> Owned<T> {
    /// The pointer must be null, or ours to destroy.
    fn new(pointer: *mut T, destroy: unsafe extern "C" fn(*mut T)) -> KafkaResult<Self> {
        let pointer =
            NonNull::new(pointer).ok_or(KafkaError::AdminOp(RDKafkaErrorCode::OperationTimedOut))?;
        Ok(Self { pointer, destroy })
    }

    fn as_ptr(&self) -> *mut T {
        self.pointer.as_ptr()
    }
}

impl<T> Drop for Owned<T> {
    fn drop(&mut self) {
        // SAFETY: `new` was given a pointer that is ours to destroy, and nobody else destroys it.
        unsafe { (self.destroy)(self.pointer.as_ptr()) }
    }
}

/// Asks for a topic; blocks. A missing topic is `UnknownTopicOrPartition`, and is not made by asking.
pub(super) fn describe(
    admin: &AdminClient<DefaultClientContext>,
    topic: &str,
    timeout: Duration,
) -> KafkaResult<Description> {
    let client = admin.inner().native_ptr();
    let name = CString::new(topic).map_err(KafkaError::Nul)?;
    let mut names = [name.as_ptr()];
    let timeout_ms = i32::try_from(timeout.as_millis()).unwrap_or(i32::MAX);
    // SAFETY: `client` lives as long as `admin`, which we borrow. `names` has one NUL-terminated string, which the
    // collection copies. Options, queue and collection are destroyed after the event was taken (reverse order of
    // declaration); librdkafka allows that (rdkafka.h, "Admin API").
    let event = unsafe {
        let topics = rd::rd_kafka_TopicCollection_of_topic_names(names.as_mut_ptr(), 1);
        let topics = Owned::new(topics, rd::rd_kafka_TopicCollection_destroy)?;
        let operation = rd::rd_kafka_admin_op_t::RD_KAFKA_ADMIN_OP_DESCRIBETOPICS;
        let options = rd::rd_kafka_AdminOptions_new(client, operation);
        let options = Owned::new(options, rd::rd_kafka_AdminOptions_destroy)?;
        let mut text = [0; 256];
        let set = rd::rd_kafka_AdminOptions_set_request_timeout;
        // A timeout out of range leaves the default in force.
        let _ = set(options.as_ptr(), timeout_ms, text.as_mut_ptr(), text.len());
        let queue = Owned::new(rd::rd_kafka_queue_new(client), rd::rd_kafka_queue_destroy)?;
        rd::rd_kafka_DescribeTopics(client, topics.as_ptr(), options.as_ptr(), queue.as_ptr());
        // librdkafka answers at its own timeout; the extra second is for the way.
        let event = rd::rd_kafka_queue_poll(queue.as_ptr(), timeout_ms.saturating_add(1000));
        Owned::new(event, rd::rd_kafka_event_destroy)?
    };
    // SAFETY: the event is a DescribeTopics result or an error, which its accessors tell apart; everything read from it is
    // owned by it and read before it is dropped.
    unsafe { read(&event) }
}

/// # Safety
/// The event must have come from `rd_kafka_DescribeTopics` of one topic.
unsafe fn read(event: &Owned<rd::rd_kafka_event_t>) -> KafkaResult<Description> {
    // SAFETY: as the caller promises; counts and pointers come in pairs from librdkafka.
    unsafe {
        check(rd::rd_kafka_event_error(event.as_ptr()))?;
        let result = rd::rd_kafka_event_DescribeTopics_result(event.as_ptr());
        let mut count = 0;
        let topics = rd::rd_kafka_DescribeTopics_result_topics(result, &raw mut count);
        if count != 1 {
            return Err(KafkaError::AdminOp(RDKafkaErrorCode::BadMessage));
        }
        let topic = *topics;
        check(rd::rd_kafka_error_code(rd::rd_kafka_TopicDescription_error(topic)))?;
        let id = rd::rd_kafka_TopicDescription_topic_id(topic);
        let high = rd::rd_kafka_Uuid_most_significant_bits(id).cast_unsigned();
        let low = rd::rd_kafka_Uuid_least_significant_bits(id).cast_unsigned();
        let mut partitions = 0;
        let first = rd::rd_kafka_TopicDescription_partitions(topic, &raw mut partitions);
        let mut copies = usize::MAX;
        for index in 0..partitions {
            let mut replicas = 0;
            rd::rd_kafka_TopicPartitionInfo_replicas(*first.add(index), &raw mut replicas);
            copies = copies.min(replicas);
        }
        Ok(Description {
            id: TopicId(u128::from(high) << 64 | u128::from(low)),
            partitions: u32::try_from(partitions).unwrap_or(u32::MAX),
            copies: u32::try_from(copies).unwrap_or(0),
        })
    }
}

fn check(code: rd::rd_kafka_resp_err_t) -> KafkaResult<()> {
    if code == rd::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR {
        Ok(())
    } else {
        Err(KafkaError::AdminOp(code.into()))
    }
}
