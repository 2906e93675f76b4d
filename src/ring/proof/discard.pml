/*
 * The ring in discard mode, between one writer (a thread of a program) and one consumer, on a processor that keeps
 * stores in order but delays them (x86-TSO). README.md maps each step to the code and says what is scaled.
 *
 *   writer ──stores──▶ buffer (first in, first out) ──hardware──▶ mem ◀──loads── consumer
 *
 * Only the writer has a store buffer here: everything the consumer stores for others is stored by a locked
 * instruction, and its position record is read by nobody but its successor, who begins when its buffer is empty.
 * No process loads a word of which it has a store under way, so nothing is forwarded.
 *
 * Run-time choices (-D): KILL_WRITER, TAKEOVER, STOP, KILL_CONSUMER=n, SLEEPS=n, ATTEMPTS=n, BUFFER=n, ROOM=n.
 * Mistakes on purpose (-D): see README.md.
 */
#ifndef ATTEMPTS
#define ATTEMPTS 6
#endif
#ifndef SLEEPS
#define SLEEPS 0
#endif
#ifndef BUFFER
#define BUFFER 4
#endif

#ifndef KILL_CONSUMER
#define KILL_CONSUMER 0
#endif

#define N 2          /* sub-buffers */
#ifndef ROOM
#define ROOM 2       /* records in one */
#endif
#define SLOTS 3
#ifdef UNSAFE_DISTANCE
#define SAFE_DISTANCE (SLOTS - 1)
#else
#define SAFE_DISTANCE (SLOTS - 2)
#endif

/* The words that the writer stores. */
#define COMMITTED 0
#define BEGUN 1
#define LOSSES 2
#define SLOT(n) (3 + 4 * ((n) % SLOTS))        /* sequence, end, time, lost */
#define HEADER(s) (3 + 4 * SLOTS + 3 * ((s) % N)) /* end, end time, lost at the end */
#define DATA (3 + 4 * SLOTS + 3 * N)
#define CELL(s, i) (DATA + ROOM * ((s) % N) + (i))
byte mem[DATA + N * ROOM]
chan buffer = [BUFFER] of { byte, byte }

/* What the consumer stores. The time of record n is n: it belongs to no other. */
byte generation, released
bit rules, wait
typedef Position { byte packets, sequence, offset, time, lost }
Position position[2]
bit selector

/* The FIFO of the session, and the stream file: they outlive both. */
bit fifo
byte filePackets, fileIndex, fileRecords, fileLost, lastCount

/* For the properties alone. */
byte produced, recorded, discarded
byte lostBefore[ATTEMPTS + 1]
bit asleep, stopped
bit killWriter, killConsumer, writerDead

#define store(address, value) buffer!address, value

active proctype hardware() {
  byte address, value
end:
  do
  :: d_step {
      buffer?address, value ->
      if
      /* A committed record that is not in the file yet is never overwritten. */
      :: address >= DATA -> assert(mem[address] <= fileRecords || mem[address] > mem[COMMITTED])
      /* The byte is in the FIFO before the commit is seen. */
      :: address == COMMITTED -> assert(!asleep || fifo); assert(!stopped)
      :: address == LOSSES -> assert(!stopped)
      :: else
      fi;
      mem[address] = value;
      address = 0;
      value = 0
    }
  od
}

/* Thread.refreshIfStale(): the generation first, then what it speaks of. */
inline refresh() {
  fresh = generation;
  isOn = !rules;
  if
  :: wait -> isSlow = 1 /* arm() */
  :: else
  fi;
  seen = fresh
}

inline commit() {
  store(SLOT(n + 1) + 0, sequence);
  store(SLOT(n + 1) + 1, offset + 1);
#ifdef TIME_AFTER_COMMIT
  store(COMMITTED, n + 1);
  store(SLOT(n + 1) + 2, n + 1);
  atomic {
    store(SLOT(n + 1) + 3, lost);
#else
  store(SLOT(n + 1) + 2, n + 1);
  store(SLOT(n + 1) + 3, lost);
  atomic {
    store(COMMITTED, n + 1);
#endif
    lostBefore[n + 1] = lost;
    n++;
    offset++;
    recorded++
  }
}

active proctype writer() {
  byte n, sequence, offset, lost, seen, fresh
  bit isSlow = 1, isOn = 1

life:
  {
    do
    :: produced < ATTEMPTS ->
hit:
      if
      :: generation != seen -> refresh()
      :: else
      fi;
      if
      :: isOn
      :: !isOn -> break /* rules that do not name this site: nothing of it comes any more */
      fi;
      /* reserve() */
      if
      :: !isSlow && offset < ROOM
      :: else ->
        if
        :: wait -> fifo = 1
        :: else
        fi;
        if
        :: offset < ROOM -> isSlow = 0
        :: offset == ROOM && sequence + 1 - released >= N ->
          /* discard() */
#ifdef LOSS_OUTSIDE
          atomic { store(LOSSES, lost + 1); lost++; produced++; discarded++ };
          goto next;
#else
          store(BEGUN, n + 1);
          if
          :: generation == seen ->
            atomic { store(LOSSES, lost + 1); lost++; produced++; discarded++ };
            store(BEGUN, n);
            goto next
          :: else -> store(BEGUN, n); goto hit
          fi
#endif
        :: offset == ROOM && sequence + 1 - released < N ->
          /* #switch() */
          store(HEADER(sequence) + 0, offset);
          store(HEADER(sequence) + 1, n);
          store(HEADER(sequence) + 2, lostBefore[n]);
          atomic { sequence++; offset = 0; isSlow = 0 }
        fi
      fi;
      store(BEGUN, n + 1);
#ifndef NO_SECOND_LOOK
      if
      :: generation == seen
      :: else -> store(BEGUN, n); goto hit
      fi;
#endif
      produced++;
      store(CELL(sequence, offset), n + 1);
      commit();
next:
      skip
    :: produced == ATTEMPTS -> break
    od;
    /* A thread that rests shows it: so a stop ends. */
    empty(buffer);
    assert(mem[BEGUN] == mem[COMMITTED]);
endWriter:
    (killWriter)
  } unless {
    killWriter ->
    /* No instruction follows; what is in the buffer still arrives. */
    empty(buffer);
#ifdef TAKEOVER
    atomic {
      /* A thread is handed the ring: #takeOver(). A record that was under way is not produced. */
      killWriter = 0;
      n = mem[COMMITTED];
      sequence = mem[SLOT(n)];
      offset = mem[SLOT(n) + 1];
      lost = mem[LOSSES];
      assert(n == recorded && lost == discarded);
      produced = n + lost;
      seen = generation;
      isOn = !rules;
      isSlow = 1
    };
    store(BEGUN, n);
    goto life
#else
    writerDead = 1
#endif
  }
}

/* RingReader.state(): all of one record, whatever the writer does meanwhile. */
inline state() {
  do
  :: c = mem[COMMITTED];
    stateSequence = mem[SLOT(c)];
    stateEnd = mem[SLOT(c) + 1];
    stateTime = mem[SLOT(c) + 2];
    stateLost = mem[SLOT(c) + 3];
    if
    :: mem[COMMITTED] - c <= SAFE_DISTANCE -> break
    :: else
    fi
  od;
  assert(c == 0 || (stateSequence == (c - 1) / ROOM && stateEnd == (c - 1) % ROOM + 1));
  assert(stateTime == c && stateLost == lostBefore[c])
}

/* RingReader.#store(): the record, its selector, the space. */
inline storePosition(nextSequence, nextOffset) {
#ifdef POSITION_IN_PLACE
  into = selector;
#else
  into = 1 - selector;
#endif
  position[into].packets = packets;
  position[into].sequence = nextSequence;
  position[into].offset = nextOffset;
  position[into].time = time;
  position[into].lost = lost;
  atomic { selector = into; sequence = nextSequence; offset = nextOffset };
  released = sequence
}

/* RingStream.#writePacket(): one writev, then the index entry. */
inline writePacket(count) {
  d_step {
    assert(filePackets == packets);
    i = 0;
    do
    :: i < count ->
      fileRecords++;
      assert(mem[CELL(sequence, offset + i)] == fileRecords);
      i++
    :: else -> break
    od;
    i = 0;
    filePackets++;
    fileLost = lost;
    lastCount = count
  };
  fileIndex++
}

/* Where a sleep, a stop or a death of the writer may come between two looks. */
mtype = { LOOK, FLUSH, SLEEP, FINISH }

active proctype consumer() {
  byte packets, sequence, offset, time, lost
  byte c, stateSequence, stateEnd, stateTime, stateLost, pieceEnd, i, seen, sleeps
  bit into, isLast, resumes, isQuiet
  mtype mode

life:
  {
    do
    :: fifo -> fifo = 0; goto next /* awake anyway */
    :: mode = LOOK; goto look
    :: mode = FLUSH; goto look
    :: sleeps < SLEEPS -> sleeps++; mode = SLEEP; goto look
#ifdef STOP
    :: goto stop
#endif
    :: writerDead -> mode = FINISH; goto take

look:
      seen = mem[COMMITTED];
take:
      if
      :: !resumes
      :: resumes ->
        /* #skipWrittenPacket() */
        state();
        if
        :: sequence == stateSequence && offset == stateEnd && mem[LOSSES] <= lost -> goto taken
        :: else
        fi;
#ifdef FILE_IGNORED
        resumes = 0;
#else
        if
        :: filePackets != packets + 1 -> resumes = 0
        :: filePackets == packets + 1 && lastCount == 0 ->
          atomic { resumes = 0; packets++; lost = fileLost };
          storePosition(sequence, offset)
        :: filePackets == packets + 1 && lastCount > 0
        fi
#endif
      fi;
      do
      :: state();
        if
        :: released != sequence -> released = sequence
        :: else
        fi;
        /* next() */
        do
        :: sequence == stateSequence ->
          if
          :: (mode == LOOK && !resumes) || offset == stateEnd -> goto taken
          :: else
          fi;
          atomic { pieceEnd = stateEnd; isLast = 0; c = stateTime; i = stateLost };
          break
        :: else ->
          assert(stateSequence - sequence < N);
          pieceEnd = mem[HEADER(sequence)];
          if
          :: pieceEnd != offset ->
            c = mem[HEADER(sequence) + 1];
            i = mem[HEADER(sequence) + 2];
            isLast = 1;
            break
          :: else -> storePosition(sequence + 1, 0)
          fi
        od;
        if
        :: !resumes ->
          atomic { time = c; lost = i; i = 0 };
#ifdef RELEASED_EARLY
          released = sequence + isLast;
#endif
          writePacket(pieceEnd - offset);
          assert(time == fileRecords && lost == lostBefore[fileRecords]);
          packets++;
          if
          :: isLast -> storePosition(sequence + 1, 0)
          :: else -> storePosition(sequence, pieceEnd); goto taken
          fi
        :: resumes ->
          atomic {
            assert(pieceEnd - offset >= lastCount);
            isLast = isLast && pieceEnd - offset == lastCount;
            pieceEnd = offset + lastCount;
            time = fileRecords;
            lost = fileLost;
            i = 0;
            resumes = 0;
            packets++
          };
          if
          :: isLast -> storePosition(sequence + 1, 0)
          :: else -> storePosition(sequence, pieceEnd)
          fi
        fi
      od;
taken:
      atomic {
        c = 0; i = 0; stateSequence = 0; stateEnd = 0; stateTime = 0; stateLost = 0; pieceEnd = 0; isLast = 0;
        if
        :: mode == SLEEP -> goto sleep
        :: mode == FINISH -> goto finish
        :: else -> goto next
        fi
      };

sleep:
      wait = 1;
      generation++;
#ifndef NO_BARRIER_BEFORE_SLEEP
      empty(buffer); /* membarrier(2) */
#endif
#ifdef LOOK_BEFORE_QUIET
      c = mem[COMMITTED];
      i = mem[BEGUN];
      isQuiet = i == mem[COMMITTED];
#else
      i = mem[BEGUN];
      isQuiet = i == mem[COMMITTED];
      c = mem[COMMITTED];
#endif
      if
      :: isQuiet && c == seen ->
        atomic { i = 0; c = 0; isQuiet = 0; asleep = 1; assert(fifo || mem[COMMITTED] == fileRecords) };
endAsleep:
        if
        :: atomic { fifo -> fifo = 0; asleep = 0 }
        :: atomic { writerDead -> asleep = 0 }
#ifdef STOP
        :: asleep = 0; wait = 0; goto stop
#endif
        fi;
        wait = 0
      :: c != seen -> wait = 0
      :: else /* a record is under way: the word stays set, and we look again */
      fi;
      atomic { i = 0; c = 0; isQuiet = 0; goto next };

stop:
      rules = 1;
      generation++;
#ifndef NO_BARRIER_AT_STOP
      empty(buffer); /* membarrier(2) */
#endif
      do
      :: i = mem[BEGUN];
        if
        :: i == mem[COMMITTED] -> break
        :: writerDead -> break
        :: else
        fi
      od;
      i = 0;
      mode = FINISH;
      goto take;

finish:
      /* RingStream.finish() */
      i = mem[LOSSES];
      if
      :: i > lost ->
        atomic { lost = i; i = 0 };
        writePacket(0);
        packets++;
        storePosition(sequence, offset)
      :: else
      fi;
      atomic {
        stopped = 1;
        assert(fileRecords == recorded && fileLost == discarded && fileIndex == filePackets)
        break
      };
next:
      skip
    od;
endConsumer:
    (killConsumer)
  } unless {
    killConsumer ->
    atomic {
      /* The successor adopts the record that the selector names; recoverStream() mends the index. */
      killConsumer = 0;
      asleep = 0; isQuiet = 0; seen = 0; mode = 0; into = 0; isLast = 0;
      c = 0; i = 0; stateSequence = 0; stateEnd = 0; stateTime = 0; stateLost = 0; pieceEnd = 0;
      fileIndex = filePackets;
      packets = position[selector].packets;
      sequence = position[selector].sequence;
      offset = position[selector].offset;
      time = position[selector].time;
      lost = position[selector].lost;
      resumes = 1
    };
    goto life
  }
}

/* A SIGKILL comes between any two steps, or never. */
active proctype killer() {
  byte kills
#ifdef KILL_WRITER
  if
  :: killWriter = 1
  :: skip
  fi;
#endif
  do
  :: kills < KILL_CONSUMER && !killConsumer -> kills++; killConsumer = 1
  :: break
  od;
  kills = 0
}
