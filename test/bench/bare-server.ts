/**
 * The roof over every other figure: a `node:http` server that reads a request to its end, parses nothing and answers
 * a constant body of the size of one item. Run with the port as its only argument.
 */
import { createServer } from 'node:http';

const BODY = Buffer.from(JSON.stringify({ Item: { data: { S: 'x'.repeat(400) } } }));

const server = createServer((request, response) => {
  request.resume();
  request.on('end', () => {
    response.writeHead(200, {
      'content-type': 'application/x-amz-json-1.0',
      'content-length': BODY.length,
    });
    response.end(BODY);
  });
});
server.listen(Number(process.argv[2]), '127.0.0.1');
