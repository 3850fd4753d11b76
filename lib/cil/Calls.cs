// SPDX-License-Identifier: MIT
//
// Calls that a thread of the pool makes: what the compiler makes of BeginInvoke and EndInvoke.
using System.Threading;

namespace System
{
    public delegate void AsyncCallback(IAsyncResult ar);
}

namespace System.Runtime.Remoting.Messaging
{
    public class AsyncResult : IAsyncResult
    {
        delegate object Adapter(object[] arguments, long number);

        static object Nothing(object[] arguments, long number) { return null; }

        readonly ManualResetEvent done = new ManualResetEvent(false);
        readonly Delegate called;
        readonly object[] arguments; // the last element is for the result
        readonly AsyncCallback callback;
        readonly object state;
        readonly int adapter; // the method that unpacks the arguments
        Exception error;
        bool isEnded; // with the monitor of this

        AsyncResult(Delegate called, object[] arguments, AsyncCallback callback, object state, int adapter)
        {
            this.called = called;
            this.arguments = arguments;
            this.callback = callback;
            this.state = state;
            this.adapter = adapter;
        }

        public object AsyncState { get { return state; } }
        public object AsyncDelegate { get { return called; } }
        public WaitHandle AsyncWaitHandle { get { return done; } }
        public bool CompletedSynchronously { get { return false; } }
        public bool IsCompleted { get { return done.IsSignalled; } }

        public bool EndInvokeCalled
        {
            get
            {
                lock (this)
                    return isEnded;
            }
        }

        internal static IAsyncResult Begin(Delegate called, object[] arguments, AsyncCallback callback, object state, int adapter)
        {
            if (called.IsList)
                throw new ArgumentException("The delegate must have only one target.");
            AsyncResult result = new AsyncResult(called, arguments, callback, state, adapter);
            ThreadPool.Add(result.Run);
            return result;
        }

        void Run()
        {
            try
            {
                object result = Delegate.Retarget(new Adapter(Nothing), called.target, adapter)(arguments, called.method);
                arguments[arguments.Length - 1] = result;
            }
            catch (Exception e)
            {
                error = e;
            }
            done.Set();
            if (callback != null)
                callback(this);
        }

        // The arguments as the call has left them, and its result.
        internal static object[] End(Delegate called, IAsyncResult result)
        {
            if (result == null)
                throw new ArgumentNullException("result");
            AsyncResult call = result as AsyncResult;
            if (call == null || !ReferenceEquals(call.called, called))
                throw new InvalidOperationException("The result is not that of BeginInvoke of this delegate.");
            lock (call)
            {
                if (call.isEnded)
                    throw new InvalidOperationException("EndInvoke was called before.");
                call.isEnded = true;
            }
            call.done.WaitOne();
            if (call.error != null)
                throw call.error.Keep();
            return call.arguments;
        }
    }
}
