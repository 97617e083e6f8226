// LMAX's disruptor, asked what `benches/ring.rs` asks the others: 16-word events, polled, spinning.
//
// Reads one block's name and numbers a line, answers with its figure:
//   hand_over SAMPLES TRIPS | paced EVENTS PERIOD_NS | burst EVENTS BURSTS PERIOD_NS
//   | flat_out EVENTS RECEIVERS CHUNK
// The first line it writes says that it is warm. Its threads `side-0` (sends) to `side-3` can then be
// given cores.

import com.lmax.disruptor.BusySpinWaitStrategy;
import com.lmax.disruptor.EventPoller;
import com.lmax.disruptor.RingBuffer;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicLong;

public final class RingBench {
    static final int BATCH = 32;

    /** 16 words, as the engine's event. */
    static final class Event {
        long sequence;
        long w0, w1, w2, w3, w4, w5, w6, w7, w8, w9, w10, w11, w12, w13, w14;
    }

    /** One way with one or more receivers. */
    static final class Link {
        final RingBuffer<Event> ring;
        final EventPoller<Event>[] pollers;

        @SuppressWarnings("unchecked")
        Link(int capacity, int receivers) {
            ring = RingBuffer.createSingleProducer(Event::new, capacity, new BusySpinWaitStrategy());
            pollers = new EventPoller[receivers];
            for (int index = 0; index < receivers; index++) {
                pollers[index] = ring.newPoller();
                ring.addGatingSequences(pollers[index].getSequence());
            }
        }
    }

    static final class Sender {
        final RingBuffer<Event> ring;
        long next;

        Sender(RingBuffer<Event> ring) {
            this.ring = ring;
        }

        void send(int count, long time) {
            long last = ring.next(count);
            for (long at = last - count + 1; at <= last; at++) {
                Event event = ring.get(at);
                event.sequence = next;
                event.w0 = time;
                event.w1 = 2; event.w2 = 3; event.w3 = 5; event.w4 = 7; event.w5 = 11; event.w6 = 13;
                event.w7 = 17; event.w8 = 19; event.w9 = 23; event.w10 = 29; event.w11 = 31;
                event.w12 = 37; event.w13 = 41;
                event.w14 = next;
                next++;
            }
            ring.publish(last - count + 1, last);
        }
    }

    /** Checks what it is handed, at most a batch a poll. */
    static final class Receiver implements EventPoller.Handler<Event> {
        final EventPoller<Event> poller;
        long next;
        long sum;
        int left;
        long[] took;

        Receiver(EventPoller<Event> poller) {
            this.poller = poller;
        }

        @Override
        public boolean onEvent(Event event, long sequence, boolean endOfBatch) {
            if (event.sequence != next || event.w14 != next) {
                throw new IllegalStateException("an event is lost, torn or came twice");
            }
            sum += event.w1 + event.w2 + event.w3 + event.w4 + event.w5 + event.w6 + event.w7
                + event.w8 + event.w9 + event.w10 + event.w11 + event.w12 + event.w13;
            if (took != null) {
                took[(int) next] = System.nanoTime() - event.w0;
            }
            next++;
            return --left > 0;
        }

        void receive(long count) throws Exception {
            long until = next + count;
            while (next < until) {
                left = BATCH;
                if (poller.poll(this) != EventPoller.PollState.PROCESSING) {
                    Thread.onSpinWait();
                }
            }
        }

        void finish() {
            if (sum != 238 * next) {
                throw new IllegalStateException("what was received is not what was sent");
            }
        }
    }

    interface Work {
        void run() throws Exception;
    }

    /** Threads that live as long as the process, so that the runner can give each a core. */
    static final ExecutorService[] SIDES = new ExecutorService[4];

    static {
        for (int side = 0; side < SIDES.length; side++) {
            String name = "side-" + side;
            SIDES[side] = Executors.newSingleThreadExecutor(work -> {
                Thread thread = new Thread(work, name);
                thread.setDaemon(true);
                return thread;
            });
        }
    }

    /** Side 0 sends first, the others receive. */
    static Future<?> start(int side, Work work) {
        return SIDES[side].submit(() -> {
            work.run();
            return null;
        });
    }

    static double median(double[] values) {
        Arrays.sort(values);
        return values[values.length / 2];
    }

    static double handOver(int capacity, int samples, int trips) throws Exception {
        Link there = new Link(capacity, 1), back = new Link(capacity, 1);
        int all = samples + samples / 4;
        double[] values = new double[samples];
        Future<?> follow = start(1, () -> {
            Receiver receiver = new Receiver(there.pollers[0]);
            Sender sender = new Sender(back.ring);
            for (long turn = 0; turn < (long) all * trips; turn++) {
                receiver.receive(1);
                sender.send(1, 0);
            }
            receiver.finish();
        });
        Future<?> lead = start(0, () -> {
            Receiver receiver = new Receiver(back.pollers[0]);
            Sender sender = new Sender(there.ring);
            for (int sample = 0; sample < all; sample++) {
                long begin = System.nanoTime();
                for (int trip = 0; trip < trips; trip++) {
                    sender.send(1, 0);
                    receiver.receive(1);
                }
                double took = (System.nanoTime() - begin) / (2.0 * trips);
                if (sample >= all - samples) {
                    values[sample - (all - samples)] = took;
                }
            }
            receiver.finish();
        });
        lead.get();
        follow.get();
        return median(values);
    }

    static double paced(int capacity, int events, long periodNs) throws Exception {
        Link link = new Link(capacity, 1);
        long[] took = new long[events];
        Future<?> follow = start(1, () -> {
            Receiver receiver = new Receiver(link.pollers[0]);
            receiver.took = took;
            receiver.receive(events);
            receiver.finish();
        });
        Future<?> lead = start(0, () -> {
            Sender sender = new Sender(link.ring);
            long due = System.nanoTime() + 10 * periodNs;
            for (int event = 0; event < events; event++) {
                while (System.nanoTime() < due) {
                    Thread.onSpinWait();
                }
                sender.send(1, due);
                due += periodNs;
            }
        });
        lead.get();
        follow.get();
        Arrays.sort(took);
        return took[events / 2];
    }

    static double burst(int capacity, int events, int bursts, long periodNs) throws Exception {
        Link link = new Link(capacity, 1);
        double[] values = new double[bursts];
        AtomicLong started = new AtomicLong(), done = new AtomicLong();
        Future<?> follow = start(1, () -> {
            Receiver receiver = new Receiver(link.pollers[0]);
            for (int burst = 0; burst < bursts; burst++) {
                receiver.receive(events);
                values[burst] = System.nanoTime() - started.get();
                done.set(burst + 1);
            }
            receiver.finish();
        });
        Future<?> lead = start(0, () -> {
            Sender sender = new Sender(link.ring);
            for (int burst = 0; burst < bursts; burst++) {
                long pause = System.nanoTime() + periodNs;
                while (done.get() < burst || System.nanoTime() < pause) {
                    Thread.onSpinWait();
                }
                started.set(System.nanoTime());
                for (int left = events; left > 0; left -= BATCH) {
                    sender.send(Math.min(left, BATCH), 0);
                }
            }
        });
        lead.get();
        follow.get();
        return median(values);
    }

    static double flatOut(int capacity, int events, int receivers, int chunk) throws Exception {
        Link link = new Link(capacity, receivers);
        double[] slowest = new double[receivers];
        List<Future<?>> follow = new ArrayList<>();
        for (int index = 0; index < receivers; index++) {
            int self = index;
            follow.add(start(self + 1, () -> {
                Receiver receiver = new Receiver(link.pollers[self]);
                double[] values = new double[events / chunk];
                for (int value = 0; value < values.length; value++) {
                    long begin = System.nanoTime();
                    receiver.receive(chunk);
                    values[value] = (System.nanoTime() - begin) / (double) chunk;
                }
                receiver.receive(events - (long) values.length * chunk);
                receiver.finish();
                slowest[self] = median(values);
            }));
        }
        Future<?> lead = start(0, () -> {
            Sender sender = new Sender(link.ring);
            for (int left = events; left > 0; left -= BATCH) {
                sender.send(Math.min(left, BATCH), 0);
            }
        });
        lead.get();
        for (Future<?> side : follow) {
            side.get();
        }
        return Arrays.stream(slowest).max().orElse(0);
    }

    static double block(int capacity, String[] words) throws Exception {
        int first = Integer.parseInt(words[1]);
        switch (words[0]) {
            case "hand_over":
                return handOver(capacity, first, Integer.parseInt(words[2]));
            case "paced":
                return paced(capacity, first, Long.parseLong(words[2]));
            case "burst":
                return burst(capacity, first, Integer.parseInt(words[2]), Long.parseLong(words[3]));
            case "flat_out":
                return flatOut(capacity, first, Integer.parseInt(words[2]), Integer.parseInt(words[3]));
            default:
                throw new IllegalArgumentException(words[0]);
        }
    }

    public static void main(String[] arguments) throws Exception {
        int capacity = Integer.parseInt(arguments[0]);
        for (int turn = 0; turn < 5; turn++) {
            handOver(capacity, 1_000, 16);
            paced(capacity, 2_000, 2_000);
            burst(capacity, 100, 500, 2_000);
            burst(capacity, 1_000, 100, 2_000);
            flatOut(capacity, 500_000, 1, 8_192);
        }
        System.out.println("warm");
        BufferedReader lines = new BufferedReader(new InputStreamReader(System.in));
        for (String line = lines.readLine(); line != null; line = lines.readLine()) {
            System.out.println(block(capacity, line.trim().split(" ")));
        }
    }
}
