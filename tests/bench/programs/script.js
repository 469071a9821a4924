// SPDX-License-Identifier: MIT
//
// What servers in JavaScript do: JSON there and back, Maps, strings, Buffers. Prints a digest
// of all of it.

'use strict';
const crypto = require('crypto');

let seed = 1;
function random(limit)
{
    seed = (Math.imul(seed, 1103515245) + 12345) & 0x7fffffff;
    return (seed >>> 8) % limit;
}

const digest = crypto.createHash('sha256');

function records(count)
{
    const list = [];
    for (let i = 0; i < count; i++)
        list.push({ id: i, name: 'user' + random(100000), tags: [random(9), random(9)],
            place: { x: random(1000) / 7, y: random(1000) / 7 }, note: 'n'.repeat(random(40)) });
    return list;
}

function json(rounds)
{
    const list = records(4000);
    for (let i = 0; i < rounds; i++) {
        const text = JSON.stringify(list);
        digest.update(text.slice(0, 1000));
        list[i].name += JSON.parse(text).length;
    }
}

function maps(rounds)
{
    for (let i = 0; i < rounds; i++) {
        const map = new Map();
        for (let j = 0; j < 60000; j++) {
            const key = 'key' + random(30000);
            map.set(key, (map.get(key) || 0) + j);
        }
        let sum = 0;
        for (const value of map.values())
            sum += value;
        digest.update(String(sum) + map.size);
    }
}

function strings(rounds)
{
    for (let i = 0; i < rounds; i++) {
        const words = [];
        for (let j = 0; j < 20000; j++)
            words.push('word' + random(5000));
        const text = words.join(' ').replace(/word(\d)/g, 'w$1-').toUpperCase();
        digest.update(text.split('-').sort().slice(0, 100).join());
    }
}

function buffers(rounds)
{
    const kept = [];
    for (let i = 0; i < rounds; i++) {
        const buffer = Buffer.alloc(64 + random(20000), i & 255);
        buffer.writeUInt32LE(i, 0);
        kept[random(200)] = buffer;
        if (i % 10 === 0)
            digest.update(Buffer.concat([buffer, Buffer.from(buffer.toString('base64'))]));
    }
    for (const buffer of kept)
        digest.update(buffer || '');
}

json(130);
maps(30);
strings(30);
buffers(130000);
console.log(digest.digest('hex'));
