import { describeSrt } from './srt.testsuite.ts';

describeSrt('srt-live-transmit');
