// SPDX-License-Identifier: MIT
//
// What the compiler makes of `async` and `await`: a struct with the variables of the method, whose MoveNext() goes on where the
// last one stopped. When it waits for the first time, it moves into an object.
using System.Threading;
using System.Threading.Tasks;

namespace System
{
    public interface IAsyncResult
    {
        bool IsCompleted { get; }
        object AsyncState { get; }
        bool CompletedSynchronously { get; }
        WaitHandle AsyncWaitHandle { get; }
    }
}

namespace System.Runtime.CompilerServices
{
    public interface INotifyCompletion { void OnCompleted(Action continuation); }
    public interface ICriticalNotifyCompletion : INotifyCompletion { void UnsafeOnCompleted(Action continuation); }

    public interface IAsyncStateMachine
    {
        void MoveNext();
        void SetStateMachine(IAsyncStateMachine stateMachine);
    }

    public class StateMachineAttribute : Attribute
    {
        readonly Type type;
        public StateMachineAttribute(Type stateMachineType) { type = stateMachineType; }
        public Type StateMachineType { get { return type; } }
    }

    public sealed class AsyncStateMachineAttribute : StateMachineAttribute
    {
        public AsyncStateMachineAttribute(Type stateMachineType) : base(stateMachineType) { }
    }

    // The builder in the struct has it before the struct is boxed, and so has the copy in the box.
    sealed class AsyncRunner
    {
        internal IAsyncStateMachine machine;
        internal readonly Action next;

        internal AsyncRunner() { next = Go; }

        void Go() { machine.MoveNext(); }

        internal static Action Of<TMachine>(ref AsyncRunner runner, ref TMachine stateMachine) where TMachine : IAsyncStateMachine
        {
            if (runner == null)
            {
                AsyncRunner made = new AsyncRunner();
                runner = made;
                made.machine = stateMachine;
            }
            return runner.next;
        }
    }

    public struct AsyncTaskMethodBuilder<T>
    {
        Task<T> task;
        AsyncRunner runner;

        public static AsyncTaskMethodBuilder<T> Create() { return default(AsyncTaskMethodBuilder<T>); }

        public Task<T> Task { get { return task ?? (task = new Task<T>()); } }

        public void Start<TMachine>(ref TMachine stateMachine) where TMachine : IAsyncStateMachine { stateMachine.MoveNext(); }
        public void SetStateMachine(IAsyncStateMachine stateMachine) { }
        public void SetResult(T result) { Task.Complete(result, null); }
        public void SetException(Exception exception) { Task.Complete(exception); }

        public void AwaitOnCompleted<TAwaiter, TMachine>(ref TAwaiter awaiter, ref TMachine stateMachine)
            where TAwaiter : INotifyCompletion where TMachine : IAsyncStateMachine
        {
            task = Task;
            awaiter.OnCompleted(AsyncRunner.Of(ref runner, ref stateMachine));
        }

        public void AwaitUnsafeOnCompleted<TAwaiter, TMachine>(ref TAwaiter awaiter, ref TMachine stateMachine)
            where TAwaiter : ICriticalNotifyCompletion where TMachine : IAsyncStateMachine
        {
            task = Task;
            awaiter.UnsafeOnCompleted(AsyncRunner.Of(ref runner, ref stateMachine));
        }
    }

    public struct AsyncTaskMethodBuilder
    {
        AsyncTaskMethodBuilder<bool> inner;

        public static AsyncTaskMethodBuilder Create() { return default(AsyncTaskMethodBuilder); }

        public Task Task { get { return inner.Task; } }

        public void Start<TMachine>(ref TMachine stateMachine) where TMachine : IAsyncStateMachine { stateMachine.MoveNext(); }
        public void SetStateMachine(IAsyncStateMachine stateMachine) { }
        public void SetResult() { inner.SetResult(true); }
        public void SetException(Exception exception) { inner.SetException(exception); }

        public void AwaitOnCompleted<TAwaiter, TMachine>(ref TAwaiter awaiter, ref TMachine stateMachine)
            where TAwaiter : INotifyCompletion where TMachine : IAsyncStateMachine
        {
            inner.AwaitOnCompleted(ref awaiter, ref stateMachine);
        }

        public void AwaitUnsafeOnCompleted<TAwaiter, TMachine>(ref TAwaiter awaiter, ref TMachine stateMachine)
            where TAwaiter : ICriticalNotifyCompletion where TMachine : IAsyncStateMachine
        {
            inner.AwaitUnsafeOnCompleted(ref awaiter, ref stateMachine);
        }
    }

    // Of `async void`: nobody gets an exception, so it ends the program.
    public struct AsyncVoidMethodBuilder
    {
        AsyncRunner runner;

        public static AsyncVoidMethodBuilder Create() { return default(AsyncVoidMethodBuilder); }

        public void Start<TMachine>(ref TMachine stateMachine) where TMachine : IAsyncStateMachine { stateMachine.MoveNext(); }
        public void SetStateMachine(IAsyncStateMachine stateMachine) { }
        public void SetResult() { }
        public void SetException(Exception exception) { ThreadPool.Add(() => { throw exception.Keep(); }); }

        public void AwaitOnCompleted<TAwaiter, TMachine>(ref TAwaiter awaiter, ref TMachine stateMachine)
            where TAwaiter : INotifyCompletion where TMachine : IAsyncStateMachine
        {
            awaiter.OnCompleted(AsyncRunner.Of(ref runner, ref stateMachine));
        }

        public void AwaitUnsafeOnCompleted<TAwaiter, TMachine>(ref TAwaiter awaiter, ref TMachine stateMachine)
            where TAwaiter : ICriticalNotifyCompletion where TMachine : IAsyncStateMachine
        {
            awaiter.UnsafeOnCompleted(AsyncRunner.Of(ref runner, ref stateMachine));
        }
    }

    public struct TaskAwaiter : ICriticalNotifyCompletion
    {
        readonly Task task;
        internal TaskAwaiter(Task task) { this.task = task; }

        public bool IsCompleted { get { return task.IsCompleted; } }
        public void OnCompleted(Action continuation) { task.Follow(continuation); }
        public void UnsafeOnCompleted(Action continuation) { task.Follow(continuation); }

        public void GetResult()
        {
            task.WaitDone(Timeout.Infinite);
            task.ThrowFirst();
        }
    }

    public struct TaskAwaiter<T> : ICriticalNotifyCompletion
    {
        readonly Task<T> task;
        internal TaskAwaiter(Task<T> task) { this.task = task; }

        public bool IsCompleted { get { return task.IsCompleted; } }
        public void OnCompleted(Action continuation) { task.Follow(continuation); }
        public void UnsafeOnCompleted(Action continuation) { task.Follow(continuation); }

        public T GetResult()
        {
            task.WaitDone(Timeout.Infinite);
            task.ThrowFirst();
            return task.value;
        }
    }

    // There are no contexts to go back to.
    public struct ConfiguredTaskAwaitable
    {
        readonly Task task;
        internal ConfiguredTaskAwaitable(Task task) { this.task = task; }
        public TaskAwaiter GetAwaiter() { return new TaskAwaiter(task); }
    }

    public struct ConfiguredTaskAwaitable<T>
    {
        readonly Task<T> task;
        internal ConfiguredTaskAwaitable(Task<T> task) { this.task = task; }
        public TaskAwaiter<T> GetAwaiter() { return new TaskAwaiter<T>(task); }
    }

    public struct YieldAwaitable
    {
        public YieldAwaiter GetAwaiter() { return new YieldAwaiter(); }

        public struct YieldAwaiter : ICriticalNotifyCompletion
        {
            public bool IsCompleted { get { return false; } }
            public void OnCompleted(Action continuation) { ThreadPool.Add(continuation); }
            public void UnsafeOnCompleted(Action continuation) { ThreadPool.Add(continuation); }
            public void GetResult() { }
        }
    }
}
