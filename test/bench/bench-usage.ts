import { LATENCY_OPERATIONS } from './latency-operations.ts';
import { WORKLOADS } from './workloads.ts';

export const BENCH_USAGE = `Usage: npm run bench -- [options]

Measures one region of Tidemark beside dynalite on disk and a bare node:http server, in interleaved rounds. DynamoDB Local
and dynoxide are measured too where the environment tells where they are: DYNAMODB_LOCAL_JAR, DYNOXIDE.

  --operations LIST    of ${WORKLOADS.map(({ name }) => name).join(',')} (default: all)
  --connections LIST   how many at once (default: 16,64)
  --rounds N           each target's runs per operation; medians are shown (default: 3)
  --seconds N          measured seconds per run, after a third of that to warm up (default: 3)
  --quick              one round of one second
  --json FILE          write the results, with a description of the machine
  --keep               keep the results in test/bench/results, beside those of other benches of the day
  --compare FILE       show each figure by what such a file has for it, and name what is worse by more than 10 %
  --strict             exit with 1 when something is
  --help               this text

Each of the following is a bench of its own. All take --json, --keep, --compare and --strict but the comparison of builds
and profiles.

npm run bench -- --latency [options]

Measures p99 and the longest run of the event loop at half of the peak rate, alone and beside compaction, a Scan and a
replica's bootstrap. Requests are due at their rate whatever the answers do. Needs a nats-server.

  --operations LIST    of ${LATENCY_OPERATIONS.join(',')} (default: all)
  --connections LIST   how many at once (default: 16)
  --rounds, --seconds, --quick   as above (default of seconds: 5)

npm run bench -- --micro [options]

Times the hot steps of a request by themselves: parse, key, expression, record, append, apply, read.

  --rounds N           turns of each (default: 5)
  --seconds N          of each turn (default: 0.5)

npm run bench -- --growth SIZES [options]

Fills a table up to each number of items, such as 10000,1000000,10000000, and measures GetItem, Query and a long PutItem
at each, by the smallest, and the daemon's memory. Ten million items take about an hour and 15 GB of disk.

  --sustain N          seconds of PutItem at each size (default: 300)
  --connections N      how many at once (default: 16)
  --rounds, --seconds, --quick   as above

npm run bench -- --start ITEMS [options]

Measures how soon a daemon with so many items serves after a clean stop, and after kill -9 among writes. Goals are those of
1000000.

  --rounds, --quick    as above

npm run bench -- --readme

Writes what was kept last into the README.

npm run bench -- --profile OPERATION [options]

Leaves a CPU profile of the daemon under load, for Chrome or speedscope, and a flame graph as a page, in .cache/profiles,
and prints the 20 functions that cost most.

  --connections N      how many at once (default: 16)
  --seconds N          how long (default: 5)

npm run bench -- --against FILE [options]

Measures this build of the daemon in turns with another one, in many short runs, and shows what an operation costs here
by what it costs there: the way to see a difference of a few per cent on a machine that is not quiet.

  --against FILE       the main.js of the other build
  --operations LIST    as above
  --connections LIST   how many at once (default: 16)
  --rounds N           runs of each build per operation (default: 40)
  --seconds N          measured seconds per run (default: 0.6)
  --json FILE          as above

npm run bench -- --nats [options]

Measures two regions over NATS: how long a write takes to the other region beside bare request and reply, what a write of
a global table costs beside one of a regional table, lag at 2,000 writes per second, and how fast a region catches up after
the link was cut.

  --rounds N           how often each (default: 3)
  --seconds N          how long the link is cut while there are writes (default: 60)
  --daemon FILE        the main.js of another build, to measure its daemons
  --profiles FOLDER    leave CPU profiles of the daemons there
  --quick              one round, with the link cut for 5 seconds

npm run bench -- --expiry [options]

Measures how soon 10,000 items are gone that expire at one moment, and PutItem beside that.

  --connections LIST   how many put at once (default: 16)
  --rounds, --seconds, --quick   as above (default of seconds: 5)
`;
