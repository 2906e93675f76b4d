/*
 * The ring in overwrite mode (flight recorder), between one writer that never waits and readers that take snapshots,
 * one after the other. README.md maps each step to the code and says what is scaled.
 *
 * The memory is that of discard.pml: the writer's stores arrive in order, but late; a locked instruction of the writer
 * waits until its buffer is empty. Readers store for others by locked instructions only.
 *
 * That state() returns the tuple of one record is proved there. So here committed, its slot and the physical id
 * in it are one word. All records have one size: sequence and end follow from the number of the record.
 *
 * Run-time choices (-D): KILL_WRITER, KILL_READER=n, SNAPSHOTS=n, RECORDS=n, BUFFER=n, N=n, SPARES=n, ROOM=n.
 * Mistakes on purpose (-D): see README.md.
 */
#ifndef N
#define N 2        /* positions */
#endif
#ifndef SPARES
#define SPARES 1   /* sub-buffers beside them */
#endif
#ifndef ROOM
#define ROOM 2     /* records in a sub-buffer */
#endif
#ifndef RECORDS
#define RECORDS 8
#endif
#ifndef SNAPSHOTS
#define SNAPSHOTS 1
#endif
#ifndef KILL_READER
#define KILL_READER 0
#endif
#ifndef BUFFER
#define BUFFER 3
#endif

#define ALL (N + SPARES)
#define EVERY_ID ((1 << ALL) - 1)
#define NEVER 255
#define NO_LAP 15

#define COMMITTED 0                    /* record * 8 + physical id */
#define TABLE(s) (1 + (s) % N)
#define SEQUENCE(p) (1 + N + (p))
#define FIRST(p) (1 + N + ALL + (p))
#define END(p) (1 + N + 2 * ALL + (p))
#define DATA (1 + N + 3 * ALL)
#define CELL(p, i) (DATA + (p) * ROOM + (i))
#define WORDS (DATA + ALL * ROOM)
byte mem[WORDS]
chan buffer = [BUFFER] of { byte, byte }

/* A word of the table: physical id, whether a reader may take it, lap. */
#define FREE 8
#define PLACE(p, s) ((p) | FREE | (((s) / N) << 4))
#define ID(word) ((word) & 7)

#define BIT(p) (1 << (p))
#define LEAST(a, b) ((a) < (b) -> (a) : (b))

/* For the properties alone: the ids that readers own, dead ones too. */
byte held
bit writerDone, killWriter, killReader

#define store(address, value) buffer!address, value

/* No id is in two places, and none is nowhere. */
inline checkIds() {
  byte k, ids;
  ids = held;
  k = 0;
  do
  :: k < N ->
    assert(!(ids & BIT(ID(mem[1 + k]))));
    ids = ids | BIT(ID(mem[1 + k]));
    k++
  :: else -> break
  od;
  assert(ids == EVERY_ID);
  k = 0;
  ids = 0
}

inline arrive() {
  d_step {
    buffer?address, value ->
    if
    :: address >= DATA -> assert(!(held & BIT((address - DATA) / ROOM)))
    :: address > N && address < DATA -> assert(!(held & BIT((address - 1 - N) % ALL)))
    :: else
    fi;
    mem[address] = value;
    address = 0;
    value = 0
  }
}

/* SingleWriter.#switch() */
inline switch() {
  store(END(physical), offset);
  if
  :: !isEnded -> store(TABLE(sequence), PLACE(physical, sequence))
  :: isEnded
  fi;
#ifdef PLAIN_TAKE
  word = mem[TABLE(sequence + 1)];
  store(TABLE(sequence + 1), word & ~FREE);
#else
  atomic {
    empty(buffer) ->
    word = mem[TABLE(sequence + 1)];
    mem[TABLE(sequence + 1)] = word & ~FREE
  };
#endif
  atomic { physical = ID(word); word = 0; isEnded = 0; offset = 0; sequence++ };
#ifndef SEQUENCE_AFTER_DATA
  store(SEQUENCE(physical), sequence);
#endif
  store(FIRST(physical), n)
}

proctype writer() {
  byte n, sequence, physical, offset, word
  bit isEnded

life:
  {
    do
    :: n < RECORDS ->
      if
      :: offset == ROOM || isEnded -> switch()
      :: else
      fi;
      store(CELL(physical, offset), n + 1);
#ifdef SEQUENCE_AFTER_DATA
      store(SEQUENCE(physical), sequence);
#endif
      atomic { store(COMMITTED, (n + 1) * 8 + physical); n++; offset++ }
    :: n == RECORDS -> break
    od;
    writerDone = 1;
endWriter:
    (killWriter)
  } unless {
    killWriter ->
    empty(buffer);
    if
    :: writerDone = 1 /* nobody takes over */
    :: !writerDone ->
      /* #takeOver() */
      atomic {
        killWriter = 0;
        n = mem[COMMITTED] / 8;
        sequence = (n == 0 -> 0 : (n - 1) / ROOM);
        offset = n - sequence * ROOM;
        physical = ID(mem[COMMITTED]);
        word = 0;
#ifndef BLIND_TAKEOVER
        isEnded = (mem[TABLE(sequence)] & FREE) != 0;
#endif
      };
      goto life
    fi
  }
}

proctype hardware() {
  byte address, value
end:
  do
  :: arrive()
  od
}

/* The highest id of the spare ones. */
inline chooseSpare() {
  d_step {
    spare = ALL - 1;
    do
    :: spares & BIT(spare) -> break
    :: else -> spare--
    od
  }
}

/* A compare-and-swap of a place, from the id `from` to the id `to`, which the reader owns; then it owns `from`. */
inline exchange(s, from, to) {
  d_step {
    isDone = mem[TABLE(s)] == PLACE(from, s);
    if
    :: isDone ->
      mem[TABLE(s)] = PLACE(to, s);
      held = (held | BIT(from)) & ~BIT(to)
    :: else
    fi;
    checkIds()
  }
}

/* Pinned ones lie still: each must hold exactly the records of its sequence. */
inline checkPinned(id, its) {
  d_step {
    assert(held & BIT(id));
    assert(mem[SEQUENCE(id)] == its && mem[FIRST(id)] == (its) * ROOM && mem[END(id)] == ROOM);
    i = 0;
    do
    :: i < ROOM -> assert(mem[CELL(id, i)] == (its) * ROOM + i + 1); i++
    :: else -> break
    od;
    i = 0
  }
}

/* Loads one after the other, while the writer may be anywhere; `end` of the current sub-buffer is the request's. */
inline copy(id, isCurrent) {
  if
  :: isCurrent -> end = requestEnd
  :: else -> end = mem[END(id)]
  fi;
  first = mem[FIRST(id)];
  i = 0;
  do
  :: i < end -> copied[i] = mem[CELL(id, i)]; i++
  :: else -> break
  od;
  i = 0
}

inline checkCopy(s, wantedEnd) {
  d_step {
    assert(end == wantedEnd && first == (s) * ROOM);
    i = 0;
    do
    :: i < end -> assert(copied[i] == first + i + 1); copied[i] = 0; i++
    :: else -> break
    od;
    i = 0;
    end = 0;
    first = 0
  }
}

inline forgetCopy() {
  d_step {
    i = 0;
    do
    :: i < ROOM -> copied[i] = 0; i++
    :: else -> break
    od;
    i = 0;
    end = 0;
    first = 0
  }
}

/* SnapshotReader.#putBack() */
inline putBackAll() {
  do
  :: pins > 0 ->
    pins--;
#ifdef NO_PUT_BACK
    spares = spares | BIT(pinned[pins]);
#else
    exchange(requestSequence - 1 - pins, exchanged[pins], pinned[pins]);
    atomic {
      spares = spares | BIT(isDone -> exchanged[pins] : pinned[pins]);
      isDone = 0;
#endif
    pinned[pins] = 0;
    exchanged[pins] = 0
#ifndef NO_PUT_BACK
    }
#endif
  :: pins == 0 -> break
  od
}

proctype reader() {
  byte spares, spare, word, p, i, back, depth, pins, end, first, snapshots
  byte request, requestSequence, requestEnd
  byte pinned[N], exchanged[N], copied[ROOM]
  bit isDone, isIdle

life:
  {
    /* #findSpares() */
    spares = EVERY_ID;
    do
    :: i < N -> spares = spares & ~BIT(ID(mem[1 + i])); i++
    :: else -> break
    od;
    i = 0;
    assert(spares == held);
#ifndef NO_REPAIR
    /* #putBackOfPredecessor() */
    requestSequence = mem[COMMITTED] / 8;
    requestSequence = (requestSequence == 0 -> 0 : (requestSequence - 1) / ROOM);
    back = 1;
    do
    :: back < N && back <= requestSequence ->
      d_step {
        p = 0;
        do
        :: p < ALL && !((spares & BIT(p)) && mem[SEQUENCE(p)] == requestSequence - back) -> p++
        :: else -> break
        od
      };
      if
      :: p == ALL
      :: else ->
        word = mem[TABLE(requestSequence - back)];
        if
        :: word != PLACE(ID(word), requestSequence - back)
        :: word == PLACE(ID(word), requestSequence - back) && mem[SEQUENCE(ID(word))] == requestSequence - back
        :: else ->
          exchange(requestSequence - back, ID(word), p);
          atomic {
            spares = (isDone -> (spares | BIT(ID(word))) & ~BIT(p) : spares);
            isDone = 0
          }
        fi
      fi;
      atomic { p = 0; word = 0; back++ }
    :: else -> break
    od;
#endif
    do
    :: snapshots < SNAPSHOTS && !writerDone -> snapshots++; isIdle = 0; goto take
    :: writerDone && empty(buffer) -> snapshots = SNAPSHOTS; isIdle = 1; goto take

take:
      request = mem[COMMITTED];
      atomic {
        requestSequence = (request < 8 -> 0 : (request / 8 - 1) / ROOM);
        requestEnd = request / 8 - requestSequence * ROOM
      };
      /* #takeOlder() */
      depth = 0;
      do
      :: depth < LEAST(N - 1, requestSequence) ->
        if
        :: spares ->
          /* #pin() */
          chooseSpare();
          word = mem[TABLE(requestSequence - 1 - depth)];
          if
          :: word == PLACE(ID(word), requestSequence - 1 - depth) ->
            exchange(requestSequence - 1 - depth, ID(word), spare)
          :: else -> isDone = 0
          fi;
          if
          :: isDone ->
            atomic {
              spares = spares & ~BIT(spare);
              pinned[pins] = ID(word);
              exchanged[pins] = spare;
              pins++;
              isDone = 0
            };
#ifndef NO_LOOK_AT_PINNED
            if
            :: mem[SEQUENCE(pinned[pins - 1])] != requestSequence - 1 - depth ->
              /* A spare one of a reader that died. */
              atomic { pins--; p = pinned[pins]; spare = exchanged[pins]; pinned[pins] = 0; exchanged[pins] = 0 };
              exchange(requestSequence - 1 - depth, spare, p);
              atomic { spares = spares | BIT(isDone -> spare : p); isDone = 0; p = 0; break }
            :: else
            fi;
#endif
            depth++
          :: else -> break
          fi
        :: else ->
          /* #copy() */
          p = ID(mem[TABLE(requestSequence - 1 - depth)]);
          if
          :: mem[SEQUENCE(p)] == requestSequence - 1 - depth
          :: else -> break
          fi;
          copy(p, 0);
          if
#ifndef NO_LOOK_AFTER_COPY
          :: mem[SEQUENCE(p)] != requestSequence - 1 - depth -> break
#endif
          :: else -> checkCopy(requestSequence - 1 - depth, ROOM)
          fi;
          atomic { p = 0; depth++ }
        fi
      :: else -> break
      od;
      atomic { word = 0; spare = 0; p = 0 };
      forgetCopy();
      if
      :: depth < LEAST(N - 1, requestSequence) -> putBackAll(); goto take
      :: skip
      fi;
      /* #copyCurrent() */
      copy(ID(request), 1);
      if
      :: mem[SEQUENCE(ID(request))] == requestSequence -> checkCopy(requestSequence, requestEnd)
      :: else -> forgetCopy(); putBackAll(); goto take
      fi;
      /* The pieces, at leisure. */
      do
      :: i < pins -> p = i; checkPinned(pinned[p], requestSequence - 1 - p); i = p + 1; p = 0
      :: else -> break
      od;
      i = 0;
      /* Of a writer that stands still all is found, but what it has taken to write over it. */
      assert(!isIdle || depth >= LEAST(N - 1 - !(mem[TABLE(requestSequence + 1)] & FREE), requestSequence));
      assert(!isIdle || request / 8 == mem[COMMITTED] / 8);
      putBackAll();
      atomic { request = 0; requestSequence = 0; requestEnd = 0; depth = 0 };
      if
      :: isIdle -> break
      :: else
      fi
    od;
endReader:
    (killReader)
  } unless {
    killReader ->
    atomic {
      killReader = 0;
      spares = 0; spare = 0; word = 0; p = 0; i = 0; back = 0; depth = 0; isDone = 0; isIdle = 0;
      request = 0; requestSequence = 0; requestEnd = 0;
      do
      :: pins > 0 -> pins--
      :: else -> break
      od;
      do
      :: pins < N -> pinned[pins] = 0; exchanged[pins] = 0; pins++
      :: else -> pins = 0; break
      od
    };
    forgetCopy();
    goto life
  }
}

/* A SIGKILL comes between any two steps, or never. */
proctype killer() {
  byte kills
  do
  :: kills < KILL_READER && !killReader -> kills++; killReader = 1
#ifdef KILL_WRITER
  :: killWriter = 1; break
#endif
  :: break
  od;
  kills = 0
}

/* formatRing(): the writer is in the first sub-buffer; at the other positions lies what no lap has written. */
init {
  byte p
  d_step {
    do
    :: p < ALL ->
      if
      :: p > 0 && p < N -> mem[1 + p] = p | FREE | (NO_LAP << 4)
      :: p >= N -> held = held | BIT(p)
      :: else
      fi;
#ifndef ZERO_HEADERS
      mem[SEQUENCE(p)] = (p == 0 -> 0 : NEVER);
#endif
      p++
    :: else -> p = 0; break
    od
  };
  atomic { run hardware(); run writer(); run reader(); run killer() }
}
